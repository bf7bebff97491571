/* A stand-in for ldms.h. */
