// The tool of the suite for setjmp, which compilers make of exceptions: it leaves nested calls, twice.
#include <setjmp.h>
#include <stdio.h>

static jmp_buf place;

static void deep(int depth) {
  if (depth == 0) longjmp(place, 7);
  deep(depth - 1);
}

int main(void) {
  volatile int times = 0;
  int code = setjmp(place);
  printf("%d after %d\n", code, times);
  if (times++ < 2) deep(100);
  return 0;
}
