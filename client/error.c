/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "client/libporto.h"

static const struct {
	int code;
	const char *name;
} codes[] = {
	{ PORTO_E_SUCCESS, "Success" },
	{ PORTO_E_UNKNOWN, "Unknown" },
	{ PORTO_E_INVALID_METHOD, "InvalidMethod" },
	{ PORTO_E_CONTAINER_ALREADY_EXISTS, "ContainerAlreadyExists" },
	{ PORTO_E_CONTAINER_DOES_NOT_EXIST, "ContainerDoesNotExist" },
	{ PORTO_E_INVALID_PROPERTY, "InvalidProperty" },
	{ PORTO_E_INVALID_DATA, "InvalidData" },
	{ PORTO_E_INVALID_VALUE, "InvalidValue" },
	{ PORTO_E_INVALID_STATE, "InvalidState" },
	{ PORTO_E_NOT_SUPPORTED, "NotSupported" },
	{ PORTO_E_RESOURCE_NOT_AVAILABLE, "ResourceNotAvailable" },
	{ PORTO_E_PERMISSION, "Permission" },
	{ PORTO_E_VOLUME_ALREADY_EXISTS, "VolumeAlreadyExists" },
	{ PORTO_E_VOLUME_NOT_FOUND, "VolumeNotFound" },
	{ PORTO_E_NO_SPACE, "NoSpace" },
	{ PORTO_E_BUSY, "Busy" },
	{ PORTO_E_VOLUME_ALREADY_LINKED, "VolumeAlreadyLinked" },
	{ PORTO_E_VOLUME_NOT_LINKED, "VolumeNotLinked" },
	{ PORTO_E_LAYER_ALREADY_EXISTS, "LayerAlreadyExists" },
	{ PORTO_E_LAYER_NOT_FOUND, "LayerNotFound" },
	{ PORTO_E_NO_VALUE, "NoValue" },
	{ PORTO_E_VOLUME_NOT_READY, "VolumeNotReady" },
	{ PORTO_E_INVALID_COMMAND, "InvalidCommand" },
	{ PORTO_E_LOST_ERROR, "LostError" },
	{ PORTO_E_DEVICE_NOT_FOUND, "DeviceNotFound" },
	{ PORTO_E_INVALID_PATH, "InvalidPath" },
	{ PORTO_E_INVALID_NETWORK_ADDRESS, "InvalidNetworkAddress" },
	{ PORTO_E_PORTO_FROZEN, "PortoFrozen" },
	{ PORTO_E_LABEL_NOT_FOUND, "LabelNotFound" },
	{ PORTO_E_INVALID_LABEL, "InvalidLabel" },
	{ PORTO_E_HELPER_ERROR, "HelperError" },
	{ PORTO_E_HELPER_FATAL_ERROR, "HelperFatalError" },
	{ PORTO_E_INVALID_FILESYSTEM, "InvalidFilesystem" },
	/* Two of these names are misspelt on the wire; they stay as old clients know them. */
	{ PORTO_E_NBD_SOCKET_TIMEOUT, "NbdSocketTimeout" },
	{ PORTO_E_NBD_SOCKET_UNAVAILABLE, "NbdSocketUnavaliable" },
	{ PORTO_E_NBD_SOCKET_ERROR, "NbdSocketError" },
	{ PORTO_E_NBD_UNKNOWN_EXPORT, "NbdUnkownExport" },
	{ PORTO_E_NBD_PROTO_ERROR, "NbdProtoError" },
	{ PORTO_E_NOT_FOUND, "NotFound" },
	{ PORTO_E_SOCKET_ERROR, "SocketError" },
	{ PORTO_E_SOCKET_UNAVAILABLE, "SocketUnavailable" },
	{ PORTO_E_SOCKET_TIMEOUT, "SocketTimeout" },
	{ PORTO_E_PORTOD_RELOADED, "PortodReloaded" },
	{ PORTO_E_TAINT, "Taint" },
	{ PORTO_E_DOCKER, "Docker" },
	{ PORTO_E_DOCKER_IMAGE_NOT_FOUND, "DockerImageNotFound" },
};

const char *porto_error_name(int code)
{
	size_t i;

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == code)
			return codes[i].name;
	return NULL;
}

int porto_error_code(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(codes[i].name, name) == 0)
			return codes[i].code;
	return -1;
}
