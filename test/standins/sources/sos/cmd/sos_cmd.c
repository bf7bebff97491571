/* A stand-in for sos_cmd: it says what it is, and how it was compiled. */
#include <sos/sos.h>
#include <stdio.h>
#include "version.h"

int main(void)
{
	printf("sos_cmd (stand-in, not the real sos_cmd): SOS %s\nCFLAGS: %s\n", sos_version(), BUILT_WITH);
	return 0;
}
