# The tag that setjmp and longjmp throw; wasi-libc of zig declares it and does not define it.
	.globl	__c_longjmp
	.tagtype	__c_longjmp i32
__c_longjmp:
