// Multiplies square matrices of doubles.
#include "kernel.h"

#define SIZE 64
static double a[SIZE][SIZE], b[SIZE][SIZE], c[SIZE][SIZE];

EXPORT(run) uint32_t run(uint32_t n) {
  for (int i = 0; i < SIZE; i++)
    for (int j = 0; j < SIZE; j++) {
      a[i][j] = i * 0.5 + j;
      b[i][j] = i - j * 0.25;
    }
  double sum = 0;
  while (n--) {
    for (int i = 0; i < SIZE; i++)
      for (int j = 0; j < SIZE; j++) {
        double dot = 0;
        for (int k = 0; k < SIZE; k++) dot += a[i][k] * b[k][j];
        c[i][j] = dot;
      }
    sum += c[n % SIZE][(n * 7) % SIZE];
  }
  return (uint32_t)(int64_t)sum;
}
