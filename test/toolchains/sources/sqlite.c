// The tool of the suite with SQLite: a database in the folder that it is given.
#include <stdio.h>
#include <string.h>
#include "sqlite3.h"

static int show(void *unused, int columns, char **values, char **names) {
  (void)unused;
  for (int at = 0; at < columns; at++) printf("%s=%s%c", names[at], values[at] == NULL ? "none" : values[at], at + 1 < columns ? ' ' : '\n');
  return 0;
}

int main(int argc, char **argv) {
  char path[256];
  snprintf(path, sizeof path, "%s/notes.db", argc > 2 ? argv[2] : ".");
  sqlite3 *database;
  if (sqlite3_open(path, &database) != SQLITE_OK) {
    printf("open: %s\n", sqlite3_errmsg(database));
    return 1;
  }
  static const char *const statements[] = {
    "CREATE TABLE notes(id INTEGER PRIMARY KEY, text TEXT)",
    "BEGIN",
    "INSERT INTO notes(text) VALUES ('kept'), ('kept too')",
    "COMMIT",
    "BEGIN",
    "INSERT INTO notes(text) VALUES ('taken back')",
    "ROLLBACK",
    "PRAGMA integrity_check",
    "SELECT count(*) AS notes, group_concat(text, ', ') AS texts FROM notes",
    "VACUUM",
    "SELECT none FROM notes",
  };
  for (size_t at = 0; at < sizeof statements / sizeof *statements; at++) {
    char *why = NULL;
    if (sqlite3_exec(database, statements[at], show, NULL, &why) != SQLITE_OK) printf("%s\n", why);
    sqlite3_free(why);
  }
  sqlite3_close(database);
  return remove(path) != 0;
}
