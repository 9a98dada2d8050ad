/* SPDX-License-Identifier: Apache-2.0 */
#include "props/label.h"

#include <string.h>

#include "props/prop.h"

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

/* The alphabet of container names, without the slash. */
static bool is_label_char(char c)
{
	return is_upper(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       (c && strchr("_-@:.", c));
}

static size_t prefix_len(const char *name)
{
	size_t n = 0;

	while (is_upper(name[n]))
		n++;
	return n;
}

bool label_is_name(const char *name)
{
	size_t n;

	if (*name == '.')
		name++;
	n = prefix_len(name);
	return n && name[n] == '.';
}

int label_check_name(const char *name, struct error *err)
{
	size_t n = prefix_len(name);

	if (strlen(name) > LABEL_NAME_MAX)
		return error_set(err, ERR_INVALID_LABEL,
				 "label name '%.40s…' is longer than %d bytes", name,
				 LABEL_NAME_MAX);
	if (n < LABEL_PREFIX_MIN || n > LABEL_PREFIX_MAX || name[n] != '.')
		return error_set(
			err, ERR_INVALID_LABEL,
			"label name '%s' does not begin with %d to %d letters A-Z and a dot", name,
			LABEL_PREFIX_MIN, LABEL_PREFIX_MAX);
	if (str_has_prefix(name, "PORTO"))
		return error_set(err, ERR_INVALID_LABEL,
				 "label name '%s' begins with PORTO, which is reserved", name);
	for (const char *p = name; *p; p++) {
		if (!is_label_char(*p))
			return error_set(err, ERR_INVALID_LABEL,
					 "label name '%s' has the forbidden byte 0x%02x", name,
					 (unsigned char)*p);
	}
	return 0;
}

int label_check_value(const char *value, struct error *err)
{
	if (strlen(value) > LABEL_VALUE_MAX)
		return error_set(err, ERR_INVALID_LABEL,
				 "label value '%.40s…' is longer than %d bytes", value,
				 LABEL_VALUE_MAX);
	for (const char *p = value; *p; p++) {
		if (!is_label_char(*p))
			return error_set(err, ERR_INVALID_LABEL,
					 "label value '%.100s' has the forbidden byte 0x%02x",
					 value, (unsigned char)*p);
	}
	return 0;
}

/* Without the limit of the count. */
static int put(struct smap *labels, const char *name, const char *value, struct error *err)
{
	if (label_check_name(name, err) || label_check_value(value, err))
		return -1;
	if (*value)
		smap_set(labels, name, value);
	else
		smap_del(labels, name);
	return 0;
}

static int check_count(size_t n, struct error *err)
{
	if (n > LABEL_COUNT_MAX)
		return error_set(err, ERR_RESOURCE_NOT_AVAILABLE,
				 "a container can have %d labels, not more", LABEL_COUNT_MAX);
	return 0;
}

int label_map_set(struct smap *labels, const char *name, const char *value, struct error *err)
{
	if (*value && !smap_find(labels, name) && check_count(labels->n + 1, err))
		return -1;
	return put(labels, name, value, err);
}

int label_merge(struct smap *labels, const struct smap *changes, struct error *err)
{
	struct smap result = SMAP_INIT;

	smap_copy(&result, labels);
	for (size_t i = 0; i < changes->n; i++) {
		if (put(&result, changes->e[i].key, changes->e[i].val, err))
			goto fail;
	}
	if (check_count(result.n, err))
		goto fail;
	smap_deinit(labels);
	*labels = result;
	return 0;
fail:
	smap_deinit(&result);
	return -1;
}

const char *label_get(const struct container *ct, const char *name)
{
	bool inherited = *name == '.';

	if (inherited)
		name++;
	for (; ct; ct = ct->parent) {
		const char *value = smap_get(&ct->spec.labels, name);

		if (value || !inherited)
			return value;
	}
	return NULL;
}
