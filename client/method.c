/* SPDX-License-Identifier: Apache-2.0 */
#include "client/method.h"

const struct method methods[_METHOD_COUNT] = {
	[METHOD_CREATE] = { "Create", false, false },
	[METHOD_CREATE_WEAK] = { "CreateWeak", false, false },
	/* porto_destroy() takes "does not exist" for a success if it was repeated. */
	[METHOD_DESTROY] = { "Destroy", true, false },
	[METHOD_LIST] = { "List", true, false },
	[METHOD_GET_PROPERTY] = { "GetProperty", true, false },
	[METHOD_SET_PROPERTY] = { "SetProperty", true, false },
	[METHOD_GET_DATA] = { "GetDataProperty", true, false },
	[METHOD_GET] = { "Get", true, false },
	[METHOD_START] = { "Start", false, false },
	[METHOD_STOP] = { "Stop", false, false },
	[METHOD_PAUSE] = { "Pause", false, false },
	[METHOD_RESUME] = { "Resume", false, false },
	[METHOD_RESPAWN] = { "Respawn", false, false },
	/* Signal 0 only asks: porto_kill() makes that one repeatable. */
	[METHOD_KILL] = { "Kill", false, false },
	[METHOD_WAIT] = { "Wait", true, true },
	[METHOD_ASYNC_WAIT] = { "AsyncWait", true, false },
	[METHOD_STOP_ASYNC_WAIT] = { "StopAsyncWait", false, false },
	[METHOD_LIST_PROPERTIES] = { "ListProperties", true, false },
	[METHOD_LIST_DATA_PROPERTIES] = { "ListDataProperties", true, false },
	[METHOD_CREATE_FROM_SPEC] = { "CreateFromSpec", false, false },
	/* Not repeatable with a start. */
	[METHOD_UPDATE_FROM_SPEC] = { "UpdateFromSpec", true, false },
	[METHOD_LIST_CONTAINERS_BY] = { "ListContainersBy", true, false },
	[METHOD_FIND_LABEL] = { "FindLabel", true, false },
	/* porto_set_label() with a condition is not repeatable. */
	[METHOD_SET_LABEL] = { "SetLabel", true, false },
	[METHOD_INC_LABEL] = { "IncLabel", false, false },
	[METHOD_LOCATE_PROCESS] = { "LocateProcess", true, false },
	/* Once it is there, the second try is refused: the container is not below itself. */
	[METHOD_ATTACH_PROCESS] = { "AttachProcess", false, false },
	[METHOD_ATTACH_THREAD] = { "AttachThread", false, false },
	[METHOD_CONVERT_PATH] = { "ConvertPath", true, false },
	[METHOD_VERSION] = { "Version", true, false },
	[METHOD_GET_SYSTEM] = { "GetSystem", true, false },
	[METHOD_SET_SYSTEM] = { "SetSystem", true, false },
	[METHOD_CLEAR_STATISTICS] = { "ClearStatistics", true, false },
	[METHOD_RAW] = { "raw call", false, false },
};
