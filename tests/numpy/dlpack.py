"""dlpack.py LIBKAON: tensors go to NumPy and back without a copy, through kaon.tensor/1 and DLPack.

Ends with 77 (skipped) where there is no NumPy of version 2.1 or later, the first with DLPack 1.0.
"""
import ctypes as c
import sys

try:
    import numpy as np
except ImportError:
    sys.exit(77)
if tuple(int(n) for n in np.__version__.split(".")[:2]) < (2, 1):
    sys.exit(77)

DTYPES = "f4 f8 f2 - i1 i2 i4 i8 u1 u2 u4 u8 ?".split()  # ORDER dtype; NumPy has no bf16
NAME, USED = b"dltensor_versioned", b"used_dltensor_versioned"


class View(c.Structure):
    _fields_ = [("size", c.c_uint32), ("dtype", c.c_int32), ("device_type", c.c_int32),
                ("device_id", c.c_int32), ("rank", c.c_int32), ("flags", c.c_uint32),
                ("data", c.c_void_p), ("shape", c.POINTER(c.c_int64)),
                ("strides", c.POINTER(c.c_int64))]


def call(*arguments, result=c.c_int32):
    return c.CFUNCTYPE(result, *arguments)


P, PP = c.c_void_p, c.POINTER(c.c_void_p)


class Host(c.Structure):
    _fields_ = [("size", c.c_uint32), ("abi", c.c_uint32),
                ("service", call(P, c.c_char_p, result=P))]


class Tensors(c.Structure):
    _fields_ = [("size", c.c_uint32), ("reserved", c.c_uint32),
                ("tensor_new", call(P, c.c_int32, c.c_int32, c.POINTER(c.c_int64), PP, P)),
                ("retain", call(P, result=None)), ("release", call(P, result=None)),
                ("view", call(P, c.POINTER(View), P)), ("from_dlpack", call(P, P, PP, P)),
                ("to_dlpack", call(P, PP, P)),
                ("copy", call(P, c.POINTER(View), c.c_int32, PP, P))]


python = c.pythonapi
python.PyCapsule_New.restype = c.py_object
python.PyCapsule_New.argtypes = [P, c.c_char_p, P]
python.PyCapsule_GetPointer.restype = P
python.PyCapsule_GetPointer.argtypes = [c.py_object, c.c_char_p]
python.PyCapsule_SetName.argtypes = [c.py_object, c.c_char_p]

library = c.CDLL(sys.argv[1])
library.kaon_kernel_host.restype = P
library.kaon_kernel_host.argtypes = [P]
kernel = P()
assert library.kaon_open(None, c.byref(kernel), None) == 0
host = library.kaon_kernel_host(kernel)
table = Host.from_address(host).service(host, b"kaon.tensor/1")
api = Tensors.from_address(table)


class Export:
    """What np.from_dlpack asks for."""

    def __init__(self, tensor):
        managed = P()
        assert api.to_dlpack(tensor, c.byref(managed), None) == 0
        self.capsule = python.PyCapsule_New(managed, NAME, None)

    def __dlpack__(self, **options):
        return self.capsule

    def __dlpack_device__(self):
        return (1, 0)


def take(array):
    """A tensor on the memory of an array."""
    capsule = array.__dlpack__(max_version=(1, 0))
    tensor = P()
    managed = python.PyCapsule_GetPointer(capsule, NAME)
    assert api.from_dlpack(host, managed, c.byref(tensor), None) == 0
    python.PyCapsule_SetName(capsule, USED)
    return tensor


def view(tensor):
    seen = View(size=c.sizeof(View))
    assert api.view(tensor, c.byref(seen), None) == 0
    return seen


def check(array):
    tensor = take(array)
    seen = view(tensor)
    assert DTYPES[seen.dtype] == (array.dtype.str[1:] if array.dtype != bool else "?")
    assert tuple(seen.shape[i] for i in range(seen.rank)) == array.shape
    if array.size:
        assert seen.data == array.ctypes.data  # no copy
    back = np.from_dlpack(Export(tensor))
    api.release(tensor)  # the export holds it
    assert np.array_equal(back, array) and back.dtype == array.dtype
    return back


for name in DTYPES:
    if name != "-":
        check((np.arange(12) % 2).astype(name).reshape(3, 4))
check(np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1))
check(np.arange(10)[::-2])
check(np.zeros((0, 3), "f4"))
check(np.array(5.0))

# What NumPy changes, the tensor sees, and the other way.
array = np.arange(6.0)
tensor = take(array)
array[5] = 50
assert c.cast(view(tensor).data, c.POINTER(c.c_double))[5] == 50
api.release(tensor)

shape = (c.c_int64 * 2)(2, 3)
tensor = P()
assert api.tensor_new(host, 0, 2, shape, c.byref(tensor), None) == 0
ours = np.from_dlpack(Export(tensor))
assert ours.shape == (2, 3) and not ours.any()
c.cast(view(tensor).data, c.POINTER(c.c_float))[4] = 7
api.release(tensor)
assert ours[1, 1] == 7
del ours

library.kaon_close(kernel)
print("tensors and NumPy", np.__version__, "share their memory")
