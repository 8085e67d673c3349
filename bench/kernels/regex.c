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
  static const char ALPHABET[] = "abcom org@@..cgr";
  uint32_t seed = 99, sum = 0;
  for (int i = 0; i < LENGTH; i++) text[i] = ALPHABET[next_random(&seed) & 15];
  while (n--) {
    sum += matches();
    text[n % LENGTH] = ALPHABET[n & 15];
  }
  return sum;
}
