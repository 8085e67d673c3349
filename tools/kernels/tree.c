// Evaluates an expression tree, each kind of node by a small function of its own.
#include "kernel.h"

typedef struct Node {
  uint8_t kind;
  int32_t number;
  struct Node *left, *right;
} Node;

static Node nodes[1023];

static int32_t evaluate(const Node *node);

__attribute__((noinline)) static int32_t number(const Node *node) { return node->number; }
__attribute__((noinline)) static int32_t sum(const Node *node) { return evaluate(node->left) + evaluate(node->right); }
__attribute__((noinline)) static int32_t difference(const Node *node) {
  return evaluate(node->left) - evaluate(node->right);
}
__attribute__((noinline)) static int32_t smaller(const Node *node) {
  int32_t left = evaluate(node->left), right = evaluate(node->right);
  return left < right ? left : right;
}
__attribute__((noinline)) static int32_t mixed(const Node *node) {
  return evaluate(node->left) * 3 ^ evaluate(node->right);
}

__attribute__((noinline)) static int32_t evaluate(const Node *node) {
  switch (node->kind) {
    case 0: return number(node);
    case 1: return sum(node);
    case 2: return difference(node);
    case 3: return smaller(node);
    default: return mixed(node);
  }
}

EXPORT(run) uint32_t run(uint32_t n) {
  uint32_t seed = 42;
  for (int i = 0; i < 1023; i++) {
    int leaf = i >= 511;
    nodes[i].kind = leaf ? 0 : (uint8_t)(1 + (next_random(&seed) & 3));
    nodes[i].number = (int32_t)(next_random(&seed) & 0xff);
    nodes[i].left = leaf ? 0 : &nodes[i * 2 + 1];
    nodes[i].right = leaf ? 0 : &nodes[i * 2 + 2];
  }
  uint32_t result = 0;
  while (n--) {
    nodes[511 + n % 512].number ^= (int32_t)n & 15;
    result = result * 31 + (uint32_t)evaluate(nodes);
  }
  return result;
}
