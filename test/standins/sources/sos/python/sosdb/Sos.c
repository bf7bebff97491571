/* A stand-in for the module sosdb.Sos: version() is all that it has. */
#include <Python.h>
#include <sos/sos.h>

static PyObject *version(PyObject *self, PyObject *args)
{
	return PyUnicode_FromString(sos_version());
}

static PyMethodDef functions[] = {
	{"version", version, METH_NOARGS, "The version of SOS."},
	{NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "Sos", NULL, -1, functions};

PyMODINIT_FUNC PyInit_Sos(void)
{
	return PyModule_Create(&module);
}
