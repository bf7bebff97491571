/* A stand-in for a module of numsos: it tells which SOS it was compiled with, and which one it has found. */
#include <Python.h>
#include <sos/sos.h>

static PyObject *versions(PyObject *self, PyObject *args)
{
	return Py_BuildValue("(ss)", SOS_VERSION, sos_version());
}

static PyMethodDef functions[] = {
	{"versions", versions, METH_NOARGS, "The versions of SOS: compiled with, and running with."},
	{NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "Inputer", NULL, -1, functions};

PyMODINIT_FUNC PyInit_Inputer(void)
{
	return PyModule_Create(&module);
}
