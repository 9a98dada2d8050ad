/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replay: every file given, and every file of every directory given, goes through the target. To
 * get more out of a small corpus each input also runs cut at every length and with each of its
 * bytes changed in a few ways.
 */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

#define INPUT_MAX   (1 << 20)
#define MUTATED_MAX 4096 /* larger inputs run as they are */

static unsigned long runs;

static void run(const uint8_t *data, size_t size)
{
	/* An allocation of exactly this size: reading beyond it is seen by AddressSanitizer. */
	uint8_t *copy = malloc(size ? size : 1);

	FUZZ_CHECK(copy);
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	runs++;
}

static void run_variants(uint8_t *data, size_t size)
{
	static const uint8_t values[] = { 0x00, 0x7f, 0x80, 0xff, '"', '{', '}', '\\' };

	run(data, size);
	if (size > MUTATED_MAX)
		return;
	for (size_t i = 0; i < size; i++) {
		uint8_t old = data[i];

		run(data, i);
		for (size_t k = 0; k < sizeof(values); k++) {
			data[i] = values[k];
			run(data, size);
		}
		for (int bit = 0; bit < 8; bit++) {
			data[i] = (uint8_t)(old ^ 1 << bit);
			run(data, size);
		}
		data[i] = old;
	}
}

static int run_file(const char *path)
{
	uint8_t *data = malloc(INPUT_MAX);
	FILE *f = fopen(path, "rbe");
	size_t size;

	if (!f || !data) {
		perror(path);
		free(data);
		if (f)
			fclose(f);
		return 1;
	}
	size = fread(data, 1, INPUT_MAX, f);
	fclose(f);
	run_variants(data, size);
	free(data);
	return 0;
}

static int run_dir(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	int bad = 0, files = 0;

	if (!dir) {
		perror(path);
		return 1;
	}
	while ((e = readdir(dir))) {
		char name[4096];

		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		bad |= run_file(name);
		files++;
	}
	closedir(dir);
	if (!files)
		fprintf(stderr, "%s: no inputs\n", path);
	return bad || !files;
}

int main(int argc, char **argv)
{
	struct stat st;
	int bad = 0;

	for (int i = 1; i < argc; i++) {
		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			bad |= run_dir(argv[i]);
		else
			bad |= run_file(argv[i]);
	}
	printf("%lu runs\n", runs);
	return bad;
}
