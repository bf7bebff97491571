/* A stand-in for a plugin of ldmsd: it can be loaded if the library that has SYMBOL can, and does nothing. */
const void *standin_plugin(void);

#ifdef SYMBOL
extern const char SYMBOL;
#else
#define SYMBOL *"a stand-in for a plugin of ldmsd"
#endif

const void *standin_plugin(void)
{
	return &SYMBOL;
}
