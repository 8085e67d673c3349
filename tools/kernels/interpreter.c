// A stack machine whose operators are called through a table of functions.
#include "kernel.h"

static int32_t stack[64];
static int32_t *top;
static const uint8_t *pc;

static void push(void) { *top++ = *pc++; }
static void add(void) { top--, top[-1] += *top; }
static void multiply(void) { top--, top[-1] *= *top; }
static void exclusive(void) { top--, top[-1] ^= *top; }
static void duplicate(void) { *top = top[-1], top++; }
static void swap(void) {
  int32_t held = top[-1];
  top[-1] = top[-2];
  top[-2] = held;
}
static void decrement(void) { top[-1]--; }
static void jump_unless_zero(void) {
  int8_t by = (int8_t)*pc++;
  if (top[-1] != 0) pc += by;
}
static void stop(void) { pc = 0; }

static void (*const OPERATORS[])(void) = {push,      add,  multiply, exclusive, duplicate,
                                         swap, decrement, jump_unless_zero, stop};

// Leaves (((1 * 3) ^ 17) + 5 ...) after 200 rounds.
static const uint8_t PROGRAM[] = {0, 1, 0, 200, 5, 0, 3, 2, 0, 17, 3, 4, 1, 0, 5, 1, 5, 6, 7, (uint8_t)-16, 8};

EXPORT(run) uint32_t run(uint32_t n) {
  uint32_t sum = 0;
  while (n--) {
    top = stack;
    pc = PROGRAM;
    while (pc) OPERATORS[*pc++]();
    sum = sum * 31 + (uint32_t)stack[0];
  }
  return sum;
}
