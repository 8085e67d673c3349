// The tool of the suite for exceptions of C++: thrown through frames with destructors, caught by type, and thrown on.
#include <cstdio>
#include <stdexcept>
#include <string>

struct Noted {
  const char *name;
  ~Noted() { std::printf("left %s\n", name); }
};

static void deep(int depth) {
  Noted noted{depth == 0 ? "the bottom" : "a frame"};
  if (depth == 0) throw std::out_of_range("too deep");
  deep(depth - 1);
}

int main() {
  try {
    try {
      deep(2);
    } catch (const std::out_of_range &reason) {
      std::printf("caught %s\n", reason.what());
      throw;
    }
  } catch (const std::exception &reason) {
    std::printf("again %s\n", reason.what());
  }
  try {
    throw 42;
  } catch (const std::string &) {
    return 1;
  } catch (int number) {
    std::printf("number %d\n", number);
  }
  return 0;
}
