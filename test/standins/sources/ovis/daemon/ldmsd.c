/*
 * A stand-in for ldmsd: with -V it tells which one it is and how it was compiled; whatever else it is
 * asked is done by the program ldmsd-standin beside it, which it becomes.
 */
#include <ldms/ldms.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "version.h"

static int tell(void)
{
	printf("LDMSD Version: %s\n", ldms_version());
	printf("git-SHA: %s\n", ldms_commit());
	printf("CFLAGS: %s\n", BUILT_WITH);
	puts("ldmsd (stand-in, not the real ldmsd)");
	return 0;
}

int main(int argc, char **argv)
{
	char path[4096];
	ssize_t length;
	int i;

	for (i = 1; i < argc; i++)
		if (strcmp(argv[i], "-V") == 0)
			return tell();
	length = readlink("/proc/self/exe", path, sizeof(path) - sizeof("-standin"));
	if (length < 0) {
		perror("ldmsd (stand-in): /proc/self/exe");
		return 1;
	}
	strcpy(path + length, "-standin");
	execv(path, argv);
	perror(path);
	return 1;
}
