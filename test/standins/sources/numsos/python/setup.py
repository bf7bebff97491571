"""Builds numsos; make names the place of SOS."""
import os

from setuptools import Extension, setup

sos = os.environ['SOS_PREFIX']
setup(
    name='numsos',
    version='1.0.0',
    description='A stand-in for numsos',
    packages=['numsos', 'graf_analysis'],
    ext_modules=[
        Extension(
            'numsos.Inputer',
            ['numsos/Inputer.c'],
            include_dirs=[sos + '/include'],
            library_dirs=[sos + '/lib'],
            libraries=['sos'],
            depends=[sos + '/include/sos/sos.h'],
        )
    ],
)
