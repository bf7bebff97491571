/* A stand-in for libldms: it can tell its version. */
#include <ldms/ldms.h>
#include "version.h"

const char *ldms_version(void)
{
	return OVIS_VERSION;
}

const char *ldms_commit(void)
{
	return OVIS_COMMIT;
}
