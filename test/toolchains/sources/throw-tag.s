# The tag that C++ throws, which libunwind of zig declares and does not define.
	.globl	__cpp_exception
	.tagtype	__cpp_exception i32
__cpp_exception:
