// A hand-written state machine for `[a-z]+@[a-z]+\.(com|org)`, as a regular expression compiles to.
#include "kernel.h"

#define LENGTH 4096
static char text[LENGTH];

static uint32_t matches(void) {
  uint32_t found = 0;
  int state = 0;
  for (int i = 0; i < LENGTH; i++) {
    char c = text[i];
    int letter = c >= 'a' && c <= 'z';
    switch (state) {
      case 0: state = letter ? 1 : 0; break;
      case 1: state = letter ? 1 : c == '@' ? 2 : 0; break;
      case 2: state = letter ? 3 : 0; break;
      case 3: state = letter ? 3 : c == '.' ? 4 : 0; break;
      case 4: state = c == 'c' ? 5 : c == 'o' ? 7 : letter ? 1 : 0; break;
      case 5: state = c == 'o' ? 6 : letter ? 1 : 0; break;
      case 6: state = c == 'm' ? 9 : letter ? 1 : 0; break;
      case 7: state = c == 'r' ? 8 : letter ? 1 : 0; break;
      case 8: state = c == 'g' ? 9 : letter ? 1 : 0; break;
      default: found++; state = letter ? 1 : 0;
    }
  }
  return found;
}

EXPORT(run) uint32_t run(uint32_t n) {
  static const char FRAGMENTS[8][10] = {"ab@cd.com ", "x@y.org, ", "hello.com ", "a@@b.com ",
                                        "q@w.co rg ", "abcde@f.o ", "rg zz@zz.", "org com..."};
  uint32_t seed = 99, sum = 0;
  for (int i = 0; i + 10 <= LENGTH; i += 10) {
    const char *fragment = FRAGMENTS[next_random(&seed) & 7];
    for (int j = 0; j < 10; j++) text[i + j] = fragment[j];
  }
  while (n--) {
    sum += matches();
    text[n % LENGTH] = "abcom@.g"[n & 7];
  }
  return sum;
}
