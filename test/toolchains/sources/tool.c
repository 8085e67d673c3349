// The tool of the suite in C: each first argument is one scenario.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int failed(const char *what) {
  printf("%s: %s\n", what, strerror(errno));
  return 1;
}

static int files(const char *folder) {
  char path[256], line[64];
  if (chdir(folder) != 0) return failed("chdir");
  if (mkdir("inside", 0700) != 0) return failed("mkdir");
  int file = open("inside/a.txt", O_CREAT | O_RDWR | O_APPEND, 0600);
  if (file < 0) return failed("open");
  if (write(file, "one\ntwo\n", 8) != 8) return failed("write");
  close(file);
  if (rename("inside/a.txt", "inside/b.txt") != 0) return failed("rename");
  FILE *stream = fopen("inside/b.txt", "r");
  while (fgets(line, sizeof line, stream) != NULL) fputs(line, stdout);
  fclose(stream);
  struct stat facts;
  if (stat("inside/b.txt", &facts) != 0) return failed("stat");
  printf("%lld\n", (long long)facts.st_size);
  snprintf(path, sizeof path, "%s/none", folder);
  if (access(path, F_OK) == 0 || errno != ENOENT) return failed("access");
  if (unlink("inside/b.txt") != 0 || rmdir("inside") != 0) return failed("remove");
  return 0;
}

static int links(const char *folder) {
  if (chdir(folder) != 0) return failed("chdir");
  if (mkdir("inside", 0700) != 0) return failed("mkdir");
  if (symlink("../a.txt", "inside/link") != 0) return failed("symlink");
  FILE *stream = fopen("inside/../a.txt", "w");
  if (stream == NULL) return failed("open");
  fputs("through links\n", stream);
  fclose(stream);
  char text[64] = "";
  ssize_t length = readlink("inside/link", text, sizeof text - 1);
  printf("%zd %s\n", length, text);
  stream = fopen("inside/link", "r");
  if (stream == NULL) return failed("follow");
  printf("%s", fgets(text, sizeof text, stream));
  fclose(stream);
  printf("%d\n", fopen("inside/../../a.txt", "r") == NULL);
  if (unlink("inside/link") != 0 || unlink("inside/../a.txt") != 0 || rmdir("inside") != 0) return failed("remove");
  return 0;
}

int main(int argc, char **argv) {
  const char *scenario = argc > 1 ? argv[1] : "";
  if (strcmp(scenario, "cat") == 0) {
    char bytes[4096];
    for (size_t got; (got = fread(bytes, 1, sizeof bytes, stdin)) > 0;) fwrite(bytes, 1, got, stdout);
    return 0;
  }
  if (strcmp(scenario, "exit") == 0) {
    printf("bye");
    exit(atoi(argv[2]));
  }
  if (strcmp(scenario, "sleep") == 0) {
    struct timespec span = {0, 20000000};
    nanosleep(&span, NULL);
    puts("slept");
    return 0;
  }
  if (strcmp(scenario, "files") == 0) return files(argv[2]);
  if (strcmp(scenario, "links") == 0) return links(argv[2]);
  if (strcmp(scenario, "trap") == 0) abort();
  for (int at = 1; at < argc; at++) printf("[%s]\n", argv[at]);
  for (char **variable = environ; *variable != NULL; variable++) printf("%s\n", *variable);
  fputs("to standard error\n", stderr);
  return 0;
}
