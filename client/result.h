/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of libporto: replies to result structures. A result keeps the unpacked reply it was made
 * of and points into it, so nothing is copied; the call loses its reply to it. Each function
 * returns NULL when memory ran out. A reply without payload makes an empty result. None blocks.
 */
#pragma once

#include "client/conn.h"

struct porto_list *result_list(struct call *call);
struct porto_properties *result_properties(struct call *call);
struct porto_get_result *result_get(struct call *call);
struct porto_labels *result_labels(struct call *call);
/* All fields the daemon set, as text, in the order of the schema. */
struct porto_map *result_system(struct call *call);

/* An empty list with room for `names` names and `bytes` of text behind them. */
struct porto_list *list_new(size_t names, size_t bytes, const char ***ret_names, char **ret_text);

/* An empty map with room for `pairs` pairs and `bytes` of text behind them. */
struct porto_map *map_new(size_t pairs, size_t bytes, struct porto_pair **ret_pairs,
			  char **ret_text);
