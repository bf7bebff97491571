"""Builds the bindings; make names the places of the header and the library."""
import os

from setuptools import Extension, setup

setup(
    name='sosdb',
    version='6.0.1',
    description='A stand-in for the Python bindings of SOS',
    packages=['sosdb'],
    ext_modules=[
        Extension(
            'sosdb.Sos',
            ['sosdb/Sos.c'],
            include_dirs=[os.environ['SOS_INCLUDE']],
            library_dirs=[os.environ['SOS_LIB']],
            libraries=['sos'],
            depends=['../lib/include/sos/sos.h'],
        )
    ],
)
