/* SPDX-License-Identifier: Apache-2.0 */
/* Made by `test_wire --print`; see test_wire.c. */
{ "Porto.TAttachProcessRequest",
  "1 name string, "
  "2 pid uint32, "
  "3 comm string" },
{ "Porto.TCapabilities",
  "1 cap string*, "
  "2 hex string, "
  "3 action bool" },
{ "Porto.TCheckVolumeRequest",
  "1 path string" },
{ "Porto.TCheckVolumeResponse",
  "1 message string" },
{ "Porto.TCleanupPlaceRequest",
  "1 place string" },
{ "Porto.TClearStatisticsRequest",
  "1 stat string" },
{ "Porto.TContainer",
  "1 spec Porto.TContainerSpec, "
  "2 status Porto.TContainerStatus, "
  "3 error Porto.TError" },
{ "Porto.TContainerBindMount",
  "1 source string, "
  "2 target string, "
  "3 flag string*" },
{ "Porto.TContainerBindMounts",
  "1 bind Porto.TContainerBindMount*" },
{ "Porto.TContainerCgroup",
  "1 controller string, "
  "2 path string, "
  "3 inherited bool" },
{ "Porto.TContainerCgroups",
  "1 cgroup Porto.TContainerCgroup*" },
{ "Porto.TContainerCommandArgv",
  "1 argv string*" },
{ "Porto.TContainerControllers",
  "1 controller string*" },
{ "Porto.TContainerCpuSet",
  "1 policy string, "
  "2 arg uint32, "
  "3 list string, "
  "4 cpu uint32*, "
  "5 count uint32, "
  "6 mems string, "
  "7 jail int32" },
{ "Porto.TContainerDevice",
  "1 device string, "
  "2 access string, "
  "3 path string, "
  "4 mode string, "
  "5 user string, "
  "6 group string" },
{ "Porto.TContainerDevices",
  "1 device Porto.TContainerDevice*, "
  "2 merge bool" },
{ "Porto.TContainerEnv",
  "1 var Porto.TContainerEnvVar*, "
  "2 merge bool" },
{ "Porto.TContainerEnvVar",
  "1 name string, "
  "2 value string, "
  "3 unset bool, "
  "4 salt string, "
  "5 hash string" },
{ "Porto.TContainerIpConfig",
  "1 cfg Porto.TContainerIpConfig.TContainerIp*" },
{ "Porto.TContainerIpConfig.TContainerIp",
  "1 dev string, "
  "2 ip string" },
{ "Porto.TContainerIpLimit",
  "1 policy string, "
  "2 ip string*" },
{ "Porto.TContainerMount",
  "1 type string, "
  "2 target string, "
  "3 source string, "
  "4 option string*" },
{ "Porto.TContainerMounts",
  "1 mount Porto.TContainerMount*" },
{ "Porto.TContainerNetConfig",
  "1 cfg Porto.TContainerNetOption*, "
  "2 inherited bool" },
{ "Porto.TContainerNetOption",
  "1 opt string, "
  "2 arg string*" },
{ "Porto.TContainerPlace",
  "1 place string, "
  "2 alias string" },
{ "Porto.TContainerPlaceConfig",
  "1 cfg Porto.TContainerPlace*" },
{ "Porto.TContainerSpec",
  "1 name string, "
  "2 weak bool, "
  "3 private string, "
  "4 labels Porto.TStringMap, "
  "5 command string, "
  "6 env Porto.TContainerEnv, "
  "7 ulimit Porto.TContainerUlimits, "
  "8 core_command string, "
  "9 isolate bool, "
  "10 virt_mode string, "
  "11 enable_porto string, "
  "12 porto_namespace string, "
  "13 aging_time uint64, "
  "14 task_cred Porto.TCred, "
  "15 user string, "
  "16 group string, "
  "17 owner_cred Porto.TCred, "
  "18 owner_user string, "
  "19 owner_group string, "
  "20 capabilities Porto.TCapabilities, "
  "21 capabilities_ambient Porto.TCapabilities, "
  "22 root string, "
  "23 root_readonly bool, "
  "24 bind Porto.TContainerBindMounts, "
  "25 symlink Porto.TStringMap, "
  "26 devices Porto.TContainerDevices, "
  "27 place Porto.TContainerPlaceConfig, "
  "28 place_limit Porto.TUintMap, "
  "29 cwd string, "
  "30 stdin_path string, "
  "31 stdout_path string, "
  "32 stderr_path string, "
  "33 stdout_limit uint64, "
  "34 umask uint32, "
  "35 respawn bool, "
  "36 respawn_count uint64, "
  "37 max_respawns int64, "
  "38 respawn_delay uint64, "
  "39 controllers Porto.TContainerControllers, "
  "40 cpu_policy string, "
  "41 cpu_weight double, "
  "42 cpu_guarantee double, "
  "43 cpu_limit double, "
  "44 cpu_limit_total double, "
  "45 cpu_period uint64, "
  "46 cpu_set Porto.TContainerCpuSet, "
  "47 thread_limit uint64, "
  "48 io_policy string, "
  "49 io_weight double, "
  "50 io_limit Porto.TUintMap, "
  "51 io_ops_limit Porto.TUintMap, "
  "52 memory_guarantee uint64, "
  "53 memory_limit uint64, "
  "54 anon_limit uint64, "
  "55 anon_max_usage uint64, "
  "56 dirty_limit uint64, "
  "57 hugetlb_limit uint64, "
  "58 recharge_on_pgfault bool, "
  "59 pressurize_on_death bool, "
  "60 anon_only bool, "
  "61 oom_score_adj int32, "
  "62 oom_is_fatal bool, "
  "63 net Porto.TContainerNetConfig, "
  "64 ip_limit Porto.TContainerIpLimit, "
  "65 ip Porto.TContainerIpConfig, "
  "66 default_gw Porto.TContainerIpConfig, "
  "67 hostname string, "
  "68 resolv_conf string, "
  "69 etc_hosts string, "
  "70 sysctl Porto.TStringMap, "
  "71 net_guarantee Porto.TUintMap, "
  "72 net_limit Porto.TUintMap, "
  "73 net_rx_limit Porto.TUintMap, "
  "75 volumes_required Porto.TContainerVolumes, "
  "76 command_argv Porto.TContainerCommandArgv, "
  "77 owner_containers string, "
  "78 cgroupfs string, "
  "79 userns bool, "
  "80 unshare_on_exec bool, "
  "81 link_memory_writeback_blkio bool, "
  "82 memory_lock_policy string, "
  "83 coredump_filter uint32, "
  "84 io_guarantee Porto.TUintMap, "
  "85 io_ops_guarantee Porto.TUintMap, "
  "86 seccomp Porto.TSeccompProfile, "
  "87 seccomp_name string, "
  "88 session_info string, "
  "90 env_secret Porto.TContainerEnv, "
  "91 enable_fuse bool, "
  "92 children_allowed bool, "
  "93 net_limit_soft uint64, "
  "265 devices_explicit bool, "
  "2000 held bool, "
  "2001 init bool, "
  "2002 namespaces Porto.TStringMap, "
  "2003 masked_paths Porto.TStringList, "
  "2004 readonly_paths Porto.TStringList, "
  "2005 no_new_privs bool, "
  "2006 capabilities_effective Porto.TCapabilities, "
  "2007 capabilities_permitted Porto.TCapabilities, "
  "2008 capabilities_inheritable Porto.TCapabilities, "
  "2009 task_groups Porto.TStringList, "
  "2010 tty bool, "
  "2011 mounts Porto.TContainerMounts, "
  "2012 shm_size uint64, "
  "2013 uid_map string, "
  "2014 gid_map string, "
  "2015 root_propagation string" },
{ "Porto.TContainerStatus",
  "1 absolute_name string, "
  "2 state string, "
  "3 id uint64, "
  "4 level uint32, "
  "5 parent string, "
  "6 absolute_namespace string, "
  "7 root_pid int32, "
  "8 exit_status int32, "
  "9 exit_code int32, "
  "10 core_dumped bool, "
  "11 start_error Porto.TError, "
  "12 time uint64, "
  "13 dead_time uint64, "
  "14 capabilities_allowed Porto.TCapabilities, "
  "15 capabilities_ambient_allowed Porto.TCapabilities, "
  "16 root_path string, "
  "17 stdout_offset uint64, "
  "18 stderr_offset uint64, "
  "19 creation_time uint64, "
  "20 start_time uint64, "
  "21 death_time uint64, "
  "22 change_time uint64, "
  "23 no_changes bool, "
  "24 cgroups Porto.TContainerCgroups, "
  "25 cpu_set_affinity Porto.TContainerCpuSet, "
  "26 cpu_usage uint64, "
  "27 cpu_usage_system uint64, "
  "28 cpu_wait uint64, "
  "29 cpu_throttled uint64, "
  "30 process_count uint64, "
  "31 thread_count uint64, "
  "32 io_read Porto.TUintMap, "
  "33 io_write Porto.TUintMap, "
  "34 io_ops Porto.TUintMap, "
  "35 io_time Porto.TUintMap, "
  "36 place_usage Porto.TUintMap, "
  "37 memory_usage uint64, "
  "38 memory_guarantee_total uint64, "
  "39 memory_limit_total uint64, "
  "40 anon_limit_total uint64, "
  "41 anon_usage uint64, "
  "42 cpu_guarantee_total double, "
  "43 cache_usage uint64, "
  "44 hugetlb_usage uint64, "
  "45 hugetlb_limit uint64, "
  "46 minor_faults uint64, "
  "47 major_faults uint64, "
  "48 memory_reclaimed uint64, "
  "49 virtual_memory Porto.TVmStat, "
  "50 oom_kills uint64, "
  "51 oom_kills_total uint64, "
  "52 oom_killed bool, "
  "54 net_bytes Porto.TUintMap, "
  "55 net_packets Porto.TUintMap, "
  "56 net_drops Porto.TUintMap, "
  "57 net_overlimits Porto.TUintMap, "
  "58 net_rx_bytes Porto.TUintMap, "
  "59 net_rx_packets Porto.TUintMap, "
  "60 net_rx_drops Porto.TUintMap, "
  "61 net_tx_bytes Porto.TUintMap, "
  "62 net_tx_packets Porto.TUintMap, "
  "63 net_tx_drops Porto.TUintMap, "
  "64 volumes_linked Porto.TContainerVolumeLinks, "
  "65 volumes_owned Porto.TContainerVolumes, "
  "66 error Porto.TError*, "
  "67 warning Porto.TError*, "
  "68 taint Porto.TError*, "
  "69 std_err string, "
  "70 std_out string, "
  "71 shmem_usage uint64, "
  "72 mlock_usage uint64, "
  "73 extra_properties string, "
  "74 cpu_burst_usage uint64, "
  "75 cpu_unconstrained_wait uint64, "
  "76 cpu_pressure Porto.TUintMap, "
  "82 memory_lock_policy string, "
  "83 memory_pressure Porto.TUintMap, "
  "163 net_netstat Porto.TUintMap, "
  "164 net_limit_soft_stat Porto.TUintMap, "
  "263 net_snmp Porto.TUintMap, "
  "264 net_snmp6 Porto.TUintMap, "
  "341 io_read_ops Porto.TUintMap, "
  "342 io_write_ops Porto.TUintMap, "
  "351 io_pressure Porto.TUintMap, "
  "421 cpu_guarantee_bound double, "
  "422 cpu_limit_total double, "
  "423 cpu_limit_bound double, "
  "500 net_limit_bound Porto.TUintMap, "
  "501 net_rx_limit_bound Porto.TUintMap, "
  "601 net_rx_overlimits Porto.TUintMap" },
{ "Porto.TContainerUlimit",
  "1 type string, "
  "2 unlimited bool, "
  "3 soft uint64, "
  "4 hard uint64, "
  "5 inherited bool" },
{ "Porto.TContainerUlimits",
  "1 ulimit Porto.TContainerUlimit*, "
  "2 merge bool" },
{ "Porto.TContainerVolumeLink",
  "1 volume string, "
  "2 target string, "
  "3 required bool, "
  "4 read_only bool" },
{ "Porto.TContainerVolumeLinks",
  "1 link Porto.TContainerVolumeLink*" },
{ "Porto.TContainerVolumes",
  "1 volume string*" },
{ "Porto.TConvertPathRequest",
  "1 path string, "
  "2 source string, "
  "3 destination string" },
{ "Porto.TConvertPathResponse",
  "1 path string" },
{ "Porto.TCreateFromSpecRequest",
  "1 container Porto.TContainerSpec, "
  "2 volumes Porto.TVolumeSpec*, "
  "3 start bool" },
{ "Porto.TCreateRequest",
  "1 name string" },
{ "Porto.TCreateVolumeRequest",
  "1 path string, "
  "2 properties Porto.TVolumeProperty*" },
{ "Porto.TCred",
  "1 user string, "
  "2 uid fixed32, "
  "3 group string, "
  "4 gid fixed32, "
  "5 grp fixed32*" },
{ "Porto.TDestroyRequest",
  "1 name string" },
{ "Porto.TDockerImage",
  "1 id string, "
  "2 tags string*, "
  "3 digests string*, "
  "4 layers string*, "
  "5 size uint64, "
  "6 config Porto.TDockerImageConfig" },
{ "Porto.TDockerImageConfig",
  "1 cmd string*, "
  "2 env string*" },
{ "Porto.TDockerImageListRequest",
  "1 place string, "
  "2 mask string" },
{ "Porto.TDockerImageListResponse",
  "1 images Porto.TDockerImage*" },
{ "Porto.TDockerImagePullRequest",
  "1 name string, "
  "2 place string, "
  "3 auth_token string, "
  "4 auth_path string, "
  "5 auth_service string, "
  "6 platform string" },
{ "Porto.TDockerImagePullResponse",
  "1 image Porto.TDockerImage" },
{ "Porto.TDockerImageRemoveRequest",
  "1 name string, "
  "2 place string" },
{ "Porto.TDockerImageStatusRequest",
  "1 name string, "
  "2 place string" },
{ "Porto.TDockerImageStatusResponse",
  "1 image Porto.TDockerImage" },
{ "Porto.TError",
  "1 error Porto.EError, "
  "2 msg string" },
{ "Porto.TExportLayerRequest",
  "1 volume string, "
  "2 tarball string, "
  "3 layer string, "
  "4 place string, "
  "5 compress string" },
{ "Porto.TExportStorageRequest",
  "1 name string, "
  "2 tarball string, "
  "3 place string, "
  "4 compress string" },
{ "Porto.TFindLabelRequest",
  "1 mask string, "
  "2 state string, "
  "3 label string, "
  "4 value string" },
{ "Porto.TFindLabelResponse",
  "1 list Porto.TFindLabelResponse.TFindLabelEntry*" },
{ "Porto.TFindLabelResponse.TFindLabelEntry",
  "1 name string, "
  "2 state string, "
  "3 label string, "
  "4 value string" },
{ "Porto.TGetDataPropertyRequest",
  "1 name string, "
  "2 data string, "
  "3 sync bool, "
  "4 real bool" },
{ "Porto.TGetDataPropertyResponse",
  "1 value string" },
{ "Porto.TGetLayerPrivateRequest",
  "1 layer string, "
  "2 place string" },
{ "Porto.TGetLayerPrivateResponse",
  "1 private_value string" },
{ "Porto.TGetPropertyRequest",
  "1 name string, "
  "2 property string, "
  "3 sync bool, "
  "4 real bool" },
{ "Porto.TGetPropertyResponse",
  "1 value string" },
{ "Porto.TGetRequest",
  "1 name string*, "
  "2 variable string*, "
  "3 nonblock bool, "
  "4 sync bool, "
  "5 real bool, "
  "6 changed_since uint64" },
{ "Porto.TGetResponse",
  "1 list Porto.TGetResponse.TContainerGetListResponse*" },
{ "Porto.TGetResponse.TContainerGetListResponse",
  "1 name string, "
  "2 keyval Porto.TGetResponse.TContainerGetValueResponse*, "
  "3 change_time uint64, "
  "4 no_changes bool" },
{ "Porto.TGetResponse.TContainerGetValueResponse",
  "1 variable string, "
  "2 error Porto.EError, "
  "3 errorMsg string, "
  "4 value string" },
{ "Porto.TGetSystemRequest",
  "" },
{ "Porto.TGetSystemResponse",
  "1 porto_version string, "
  "2 porto_revision string, "
  "3 kernel_version string, "
  "4 errors fixed64, "
  "5 warnings fixed64, "
  "6 porto_starts fixed64, "
  "7 porto_uptime fixed64, "
  "8 master_uptime fixed64, "
  "9 taints fixed64, "
  "10 frozen bool, "
  "11 fatals fixed64, "
  "100 verbose bool, "
  "101 debug bool, "
  "102 log_lines fixed64, "
  "103 log_bytes fixed64, "
  "104 stream_rotate_bytes fixed64, "
  "105 stream_rotate_errors fixed64, "
  "106 log_lines_lost fixed64, "
  "107 log_bytes_lost fixed64, "
  "108 log_open fixed64, "
  "200 container_count fixed64, "
  "201 container_limit fixed64, "
  "202 container_running fixed64, "
  "203 container_created fixed64, "
  "204 container_started fixed64, "
  "205 container_start_failed fixed64, "
  "206 container_oom fixed64, "
  "207 container_buried fixed64, "
  "208 container_lost fixed64, "
  "209 container_tainted fixed64, "
  "210 postfork_issues fixed64, "
  "300 volume_count fixed64, "
  "301 volume_limit fixed64, "
  "303 volume_created fixed64, "
  "304 volume_failed fixed64, "
  "305 volume_links fixed64, "
  "306 volume_links_mounted fixed64, "
  "307 volume_lost fixed64, "
  "390 layer_import fixed64, "
  "391 layer_export fixed64, "
  "392 layer_remove fixed64, "
  "400 client_count fixed64, "
  "401 client_max fixed64, "
  "402 client_connected fixed64, "
  "500 request_queued fixed64, "
  "501 request_completed fixed64, "
  "502 request_failed fixed64, "
  "503 request_threads fixed64, "
  "504 request_longer_1s fixed64, "
  "505 request_longer_3s fixed64, "
  "506 request_longer_30s fixed64, "
  "507 request_longer_5m fixed64, "
  "508 request_top_running_time fixed64, "
  "600 fail_system fixed64, "
  "601 fail_invalid_value fixed64, "
  "602 fail_invalid_command fixed64, "
  "603 fail_memory_guarantee fixed64, "
  "604 fail_invalid_netaddr fixed64, "
  "666 porto_crash fixed64, "
  "700 network_count fixed64, "
  "701 network_created fixed64, "
  "702 network_problems fixed64, "
  "703 network_repairs fixed64" },
{ "Porto.TGetVolumeRequest",
  "1 container string, "
  "2 path string*, "
  "3 changed_since uint64, "
  "4 label string*" },
{ "Porto.TGetVolumeResponse",
  "1 volume Porto.TVolumeSpec*" },
{ "Porto.TImportLayerRequest",
  "1 layer string, "
  "2 tarball string, "
  "3 merge bool, "
  "4 place string, "
  "5 private_value string, "
  "6 compress string, "
  "7 verbose_error bool, "
  "8 container string" },
{ "Porto.TImportStorageRequest",
  "1 name string, "
  "2 tarball string, "
  "3 place string, "
  "5 private_value string, "
  "6 compress string" },
{ "Porto.TIncLabelRequest",
  "1 name string, "
  "2 label string, "
  "3 add int64" },
{ "Porto.TIncLabelResponse",
  "1 result int64" },
{ "Porto.TKillRequest",
  "1 name string, "
  "2 sig int32, "
  "2000 all bool" },
{ "Porto.TLayer",
  "1 name string, "
  "2 owner_user string, "
  "3 owner_group string, "
  "4 last_usage uint64, "
  "5 private_value string" },
{ "Porto.TLinkVolumeRequest",
  "1 path string, "
  "2 container string, "
  "3 target string, "
  "4 required bool, "
  "5 read_only bool" },
{ "Porto.TListContainersFieldOptions",
  "1 properties string*, "
  "2 stdout_options Porto.TStreamDumpOptions, "
  "3 stderr_options Porto.TStreamDumpOptions" },
{ "Porto.TListContainersFilter",
  "1 name string, "
  "2 labels Porto.TStringMap, "
  "3 changed_since uint64" },
{ "Porto.TListContainersRequest",
  "1 filters Porto.TListContainersFilter*, "
  "2 field_options Porto.TListContainersFieldOptions" },
{ "Porto.TListContainersResponse",
  "1 containers Porto.TContainer*" },
{ "Porto.TListDataPropertiesRequest",
  "" },
{ "Porto.TListDataPropertiesResponse",
  "1 list Porto.TListDataPropertiesResponse.TContainerDataListEntry*" },
{ "Porto.TListDataPropertiesResponse.TContainerDataListEntry",
  "1 name string, "
  "2 desc string" },
{ "Porto.TListLayersRequest",
  "1 place string, "
  "2 mask string" },
{ "Porto.TListLayersResponse",
  "1 layer string*, "
  "2 layers Porto.TLayer*" },
{ "Porto.TListPropertiesRequest",
  "" },
{ "Porto.TListPropertiesResponse",
  "1 list Porto.TListPropertiesResponse.TContainerPropertyListEntry*" },
{ "Porto.TListPropertiesResponse.TContainerPropertyListEntry",
  "1 name string, "
  "2 desc string, "
  "3 read_only bool, "
  "4 dynamic bool" },
{ "Porto.TListRequest",
  "1 mask string, "
  "2 changed_since uint64" },
{ "Porto.TListResponse",
  "1 name string*, "
  "2 absolute_namespace string" },
{ "Porto.TListStoragesRequest",
  "1 place string, "
  "2 mask string" },
{ "Porto.TListStoragesResponse",
  "1 storages Porto.TStorage*, "
  "2 meta_storages Porto.TMetaStorage*" },
{ "Porto.TListVolumePropertiesRequest",
  "" },
{ "Porto.TListVolumePropertiesResponse",
  "1 list Porto.TListVolumePropertiesResponse.TVolumePropertyDescription*" },
{ "Porto.TListVolumePropertiesResponse.TVolumePropertyDescription",
  "1 name string, "
  "2 desc string" },
{ "Porto.TListVolumesRequest",
  "1 path string, "
  "2 container string, "
  "3 changed_since uint64" },
{ "Porto.TListVolumesResponse",
  "1 volumes Porto.TVolumeDescription*" },
{ "Porto.TLocateProcessRequest",
  "1 pid uint32, "
  "2 comm string" },
{ "Porto.TLocateProcessResponse",
  "1 name string" },
{ "Porto.TMetaStorage",
  "1 name string, "
  "2 place string, "
  "3 private_value string, "
  "4 space_limit uint64, "
  "5 inode_limit uint64, "
  "6 space_used uint64, "
  "7 space_available uint64, "
  "8 inode_used uint64, "
  "9 inode_available uint64, "
  "10 owner_user string, "
  "11 owner_group string, "
  "12 last_usage uint64" },
{ "Porto.TNewVolumeRequest",
  "1 volume Porto.TVolumeSpec" },
{ "Porto.TNewVolumeResponse",
  "1 volume Porto.TVolumeSpec" },
{ "Porto.TPauseRequest",
  "1 name string" },
{ "Porto.TPortoRequest",
  "1 Create Porto.TCreateRequest, "
  "2 Destroy Porto.TDestroyRequest, "
  "3 List Porto.TListRequest, "
  "4 GetProperty Porto.TGetPropertyRequest, "
  "5 SetProperty Porto.TSetPropertyRequest, "
  "6 GetDataProperty Porto.TGetDataPropertyRequest, "
  "7 Start Porto.TStartRequest, "
  "8 Stop Porto.TStopRequest, "
  "9 Pause Porto.TPauseRequest, "
  "10 Resume Porto.TResumeRequest, "
  "11 ListProperties Porto.TListPropertiesRequest, "
  "12 ListDataProperties Porto.TListDataPropertiesRequest, "
  "13 Kill Porto.TKillRequest, "
  "14 Version Porto.TVersionRequest, "
  "15 Get Porto.TGetRequest, "
  "16 Wait Porto.TWaitRequest, "
  "17 CreateWeak Porto.TCreateRequest, "
  "18 Respawn Porto.TRespawnRequest, "
  "19 AsyncWait Porto.TWaitRequest, "
  "20 FindLabel Porto.TFindLabelRequest, "
  "21 SetLabel Porto.TSetLabelRequest, "
  "22 IncLabel Porto.TIncLabelRequest, "
  "103 ListVolumeProperties Porto.TListVolumePropertiesRequest, "
  "104 CreateVolume Porto.TCreateVolumeRequest, "
  "105 LinkVolume Porto.TLinkVolumeRequest, "
  "106 UnlinkVolume Porto.TUnlinkVolumeRequest, "
  "107 ListVolumes Porto.TListVolumesRequest, "
  "108 TuneVolume Porto.TTuneVolumeRequest, "
  "109 CheckVolume Porto.TCheckVolumeRequest, "
  "110 ImportLayer Porto.TImportLayerRequest, "
  "111 RemoveLayer Porto.TRemoveLayerRequest, "
  "112 ListLayers Porto.TListLayersRequest, "
  "113 ExportLayer Porto.TExportLayerRequest, "
  "114 GetLayerPrivate Porto.TGetLayerPrivateRequest, "
  "115 SetLayerPrivate Porto.TSetLayerPrivateRequest, "
  "116 ListStorages Porto.TListStoragesRequest, "
  "117 RemoveStorage Porto.TRemoveStorageRequest, "
  "118 ImportStorage Porto.TImportStorageRequest, "
  "119 ExportStorage Porto.TExportStorageRequest, "
  "120 LinkVolumeTarget Porto.TLinkVolumeRequest, "
  "121 UnlinkVolumeTarget Porto.TUnlinkVolumeRequest, "
  "122 CreateMetaStorage Porto.TMetaStorage, "
  "123 ResizeMetaStorage Porto.TMetaStorage, "
  "124 RemoveMetaStorage Porto.TMetaStorage, "
  "125 SetSymlink Porto.TSetSymlinkRequest, "
  "126 NewVolume Porto.TNewVolumeRequest, "
  "127 GetVolume Porto.TGetVolumeRequest, "
  "128 StopAsyncWait Porto.TWaitRequest, "
  "200 ConvertPath Porto.TConvertPathRequest, "
  "201 AttachProcess Porto.TAttachProcessRequest, "
  "202 LocateProcess Porto.TLocateProcessRequest, "
  "203 AttachThread Porto.TAttachProcessRequest, "
  "230 CreateFromSpec Porto.TCreateFromSpecRequest, "
  "231 UpdateFromSpec Porto.TUpdateFromSpecRequest, "
  "232 ListContainersBy Porto.TListContainersRequest, "
  "300 GetSystem Porto.TGetSystemRequest, "
  "301 SetSystem Porto.TSetSystemRequest, "
  "302 ClearStatistics Porto.TClearStatisticsRequest, "
  "303 dockerImageStatus Porto.TDockerImageStatusRequest, "
  "304 listDockerImages Porto.TDockerImageListRequest, "
  "305 pullDockerImage Porto.TDockerImagePullRequest, "
  "306 removeDockerImage Porto.TDockerImageRemoveRequest, "
  "307 CleanupPlace Porto.TCleanupPlaceRequest" },
{ "Porto.TPortoResponse",
  "1 error Porto.EError, "
  "2 errorMsg string, "
  "3 List Porto.TListResponse, "
  "4 GetProperty Porto.TGetPropertyResponse, "
  "5 GetDataProperty Porto.TGetDataPropertyResponse, "
  "6 ListProperties Porto.TListPropertiesResponse, "
  "7 ListDataProperties Porto.TListDataPropertiesResponse, "
  "8 Version Porto.TVersionResponse, "
  "9 ListVolumes Porto.TListVolumesResponse, "
  "10 Get Porto.TGetResponse, "
  "11 Wait Porto.TWaitResponse, "
  "12 ListVolumeProperties Porto.TListVolumePropertiesResponse, "
  "13 CreateVolume Porto.TVolumeDescription, "
  "14 ListLayers Porto.TListLayersResponse, "
  "15 ConvertPath Porto.TConvertPathResponse, "
  "16 GetLayerPrivate Porto.TGetLayerPrivateResponse, "
  "17 ListStorages Porto.TListStoragesResponse, "
  "18 LocateProcess Porto.TLocateProcessResponse, "
  "19 AsyncWait Porto.TWaitResponse, "
  "20 FindLabel Porto.TFindLabelResponse, "
  "21 SetLabel Porto.TSetLabelResponse, "
  "22 IncLabel Porto.TIncLabelResponse, "
  "23 CheckVolume Porto.TCheckVolumeResponse, "
  "126 NewVolume Porto.TNewVolumeResponse, "
  "127 GetVolume Porto.TGetVolumeResponse, "
  "232 ListContainersBy Porto.TListContainersResponse, "
  "300 GetSystem Porto.TGetSystemResponse, "
  "301 SetSystem Porto.TSetSystemResponse, "
  "302 dockerImageStatus Porto.TDockerImageStatusResponse, "
  "303 listDockerImages Porto.TDockerImageListResponse, "
  "304 pullDockerImage Porto.TDockerImagePullResponse, "
  "1000 timestamp uint64" },
{ "Porto.TRemoveLayerRequest",
  "1 layer string, "
  "2 place string, "
  "3 async bool" },
{ "Porto.TRemoveStorageRequest",
  "1 name string, "
  "2 place string" },
{ "Porto.TRespawnRequest",
  "1 name string" },
{ "Porto.TResumeRequest",
  "1 name string" },
{ "Porto.TSeccompAction",
  "1 action Porto.TSeccompAction.EAction, "
  "2 value uint64" },
{ "Porto.TSeccompArg",
  "1 index uint64, "
  "2 compare Porto.TSeccompArg.ECompare, "
  "3 value uint64, "
  "2000 mask uint64" },
{ "Porto.TSeccompProfile",
  "1 name string, "
  "2 default_action Porto.TSeccompAction, "
  "3 rules Porto.TSeccompRule*, "
  "2000 stack bool" },
{ "Porto.TSeccompRule",
  "1 syscall string, "
  "2 args Porto.TSeccompArg*, "
  "3 action Porto.TSeccompAction" },
{ "Porto.TSetLabelRequest",
  "1 name string, "
  "2 label string, "
  "3 value string, "
  "4 prev_value string, "
  "5 state string" },
{ "Porto.TSetLabelResponse",
  "1 prev_value string, "
  "2 state string" },
{ "Porto.TSetLayerPrivateRequest",
  "1 layer string, "
  "2 place string, "
  "3 private_value string" },
{ "Porto.TSetPropertyRequest",
  "1 name string, "
  "2 property string, "
  "3 value string" },
{ "Porto.TSetSymlinkRequest",
  "1 container string, "
  "2 symlink string, "
  "3 target string" },
{ "Porto.TSetSystemRequest",
  "10 frozen bool, "
  "100 verbose bool, "
  "101 debug bool" },
{ "Porto.TSetSystemResponse",
  "" },
{ "Porto.TStartRequest",
  "1 name string" },
{ "Porto.TStopRequest",
  "1 name string, "
  "2 timeout_ms uint32, "
  "2000 keep bool" },
{ "Porto.TStorage",
  "1 name string, "
  "2 owner_user string, "
  "3 owner_group string, "
  "4 last_usage uint64, "
  "5 private_value string" },
{ "Porto.TStreamDumpOptions",
  "2 stdstream_offset uint64, "
  "3 stdstream_limit uint64" },
{ "Porto.TStringList",
  "1 item string*" },
{ "Porto.TStringMap",
  "1 map Porto.TStringMap.TStringMapEntry*, "
  "2 merge bool" },
{ "Porto.TStringMap.TStringMapEntry",
  "1 key string, "
  "2 val string" },
{ "Porto.TTuneVolumeRequest",
  "1 path string, "
  "2 properties Porto.TVolumeProperty*" },
{ "Porto.TUintMap",
  "1 map Porto.TUintMap.TUintMapEntry*, "
  "2 merge bool" },
{ "Porto.TUintMap.TUintMapEntry",
  "1 key string, "
  "2 val uint64" },
{ "Porto.TUnlinkVolumeRequest",
  "1 path string, "
  "2 container string, "
  "3 strict bool, "
  "4 target string" },
{ "Porto.TUpdateFromSpecRequest",
  "1 container Porto.TContainerSpec, "
  "2 start bool" },
{ "Porto.TVersionRequest",
  "" },
{ "Porto.TVersionResponse",
  "1 tag string, "
  "2 revision string" },
{ "Porto.TVmStat",
  "1 count uint64, "
  "2 size uint64, "
  "3 max_size uint64, "
  "4 used uint64, "
  "5 max_used uint64, "
  "6 anon uint64, "
  "7 file uint64, "
  "8 shmem uint64, "
  "9 huge uint64, "
  "10 swap uint64, "
  "11 data uint64, "
  "12 stack uint64, "
  "13 code uint64, "
  "14 locked uint64, "
  "15 table uint64" },
{ "Porto.TVolumeDescription",
  "1 path string, "
  "2 properties Porto.TVolumeProperty*, "
  "3 containers string*, "
  "4 links Porto.TVolumeLink*, "
  "5 change_time uint64, "
  "6 no_changes bool" },
{ "Porto.TVolumeDirectory",
  "1 path string, "
  "2 cred Porto.TCred, "
  "3 permissions fixed32" },
{ "Porto.TVolumeLink",
  "1 container string, "
  "2 target string, "
  "3 required bool, "
  "4 read_only bool, "
  "5 host_target string, "
  "6 container_root bool, "
  "7 container_cwd bool" },
{ "Porto.TVolumeProperty",
  "1 name string, "
  "2 value string" },
{ "Porto.TVolumeResource",
  "1 limit uint64, "
  "2 guarantee uint64, "
  "3 usage uint64, "
  "4 available uint64" },
{ "Porto.TVolumeShare",
  "1 path string, "
  "2 origin_path string, "
  "3 cow bool" },
{ "Porto.TVolumeSpec",
  "1 path string, "
  "2 container string, "
  "3 links Porto.TVolumeLink*, "
  "4 id string, "
  "5 state string, "
  "6 private_value string, "
  "7 device_name string, "
  "10 backend string, "
  "11 place string, "
  "12 storage string, "
  "13 layers string*, "
  "14 read_only bool, "
  "15 filesystem_type string, "
  "20 cred Porto.TCred, "
  "21 permissions fixed32, "
  "22 space Porto.TVolumeResource, "
  "23 inodes Porto.TVolumeResource, "
  "30 owner Porto.TCred, "
  "31 owner_container string, "
  "32 place_key string, "
  "33 creator string, "
  "34 auto_path bool, "
  "35 device_index uint32, "
  "37 build_time uint64, "
  "40 directories Porto.TVolumeDirectory*, "
  "41 symlinks Porto.TVolumeSymlink*, "
  "42 shares Porto.TVolumeShare*, "
  "50 change_time uint64, "
  "51 no_changes bool, "
  "52 image string" },
{ "Porto.TVolumeSymlink",
  "1 path string, "
  "2 target_path string" },
{ "Porto.TWaitRequest",
  "1 name string*, "
  "2 timeout_ms uint32, "
  "3 label string*, "
  "4 target_state string" },
{ "Porto.TWaitResponse",
  "1 name string, "
  "2 state string, "
  "3 when uint64, "
  "4 label string, "
  "5 value string" },
