import type { LanguageFiles, MakeFiles } from './files.ts';
import { handlerWorld, libraryWorld } from './worlds.ts';

const COMPILER =
  'python3 -m pip install ziglang                      # a C compiler with the library of WASI; or clang and wasi-libc';
const GENERATOR = 'cargo install wit-bindgen-cli                       # makes the declarations of what wit/ says';

const COMMAND = `#include <stdio.h>

int main(int argc, char **argv) {
  printf("Hello, %s!\\n", argc > 1 ? argv[1] : "world");
  for (int byte; (byte = getchar()) != EOF;) putchar(byte);
  return ferror(stdin) ? 1 : 0;
}
`;

const actor = (name: string): string => `#define _GNU_SOURCE
#include "actor.h"
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static unsigned greeted = 0;

/** Whether these bytes are UTF-8, as every string that leaves the component must be. */
static bool is_text(const char *bytes, size_t len) {
  mbstate_t state = {0};
  for (size_t at = 0; at < len;) {
    size_t taken = mbrlen(bytes + at, len - at, &state);
    if (taken > len) return false;
    at += taken > 0 ? taken : 1;
  }
  return true;
}

static void log_line(char *text) {
  actor_string_t message;
  actor_string_set(&message, text);
  actor_list_tuple2_string_string_t context = {NULL, 0};
  vivarium_actor_host_services_log(VIVARIUM_ACTOR_TYPES_LOG_LEVEL_INFO, &message, &context);
}

bool exports_vivarium_actor_lifecycle_initialize(
    exports_vivarium_actor_lifecycle_component_config_t *config, exports_vivarium_actor_lifecycle_wasm_error_t *err) {
  exports_vivarium_actor_lifecycle_component_config_free(config);
  return setlocale(LC_CTYPE, "C.UTF-8") != NULL;
}

/** Handles a message; what it answers is the reply. What it is given belongs to it, and what it gives is freed for it. */
bool exports_vivarium_actor_lifecycle_handle_message(
    exports_vivarium_actor_lifecycle_component_message_t *msg,
    actor_option_list_u8_t *ret,
    exports_vivarium_actor_lifecycle_wasm_error_t *err) {
  const char *name = (const char *)msg->payload.ptr;
  int len = (int)msg->payload.len;
  bool ok = is_text(name, len);
  if (ok) {
    char *line, *reply;
    if (asprintf(&line, "greeted %.*s", len, name) < 0) abort();
    log_line(line);
    free(line);
    int written = asprintf(&reply, "Hello, %.*s! You are number %u.", len, name, ++greeted);
    if (written < 0) abort();
    ret->is_some = true;
    ret->val.ptr = (uint8_t *)reply;
    ret->val.len = written;
  } else {
    err->tag = VIVARIUM_ACTOR_ERRORS_WASM_ERROR_RUNTIME_ERROR;
    actor_string_dup(&err->val.runtime_error, "the message is no text");
  }
  exports_vivarium_actor_lifecycle_component_message_free(msg);
  return ok;
}

bool exports_vivarium_actor_lifecycle_handle_callback(
    exports_vivarium_actor_lifecycle_component_message_t *msg, exports_vivarium_actor_lifecycle_wasm_error_t *err) {
  exports_vivarium_actor_lifecycle_component_message_free(msg);
  return true;
}

void exports_vivarium_actor_lifecycle_metadata(exports_vivarium_actor_lifecycle_component_metadata_t *ret) {
  memset(ret, 0, sizeof *ret);
  actor_string_dup(&ret->name, "${name}");
  actor_string_dup(&ret->version, "0.1.0");
  ret->stateful = true;
}

exports_vivarium_actor_lifecycle_health_status_t exports_vivarium_actor_lifecycle_health(void) {
  return VIVARIUM_ACTOR_TYPES_HEALTH_STATUS_HEALTHY;
}

void exports_vivarium_actor_lifecycle_shutdown(void) {}
`;

const LIBRARY = `#define _GNU_SOURCE
#include "guest.h"
#include <stdio.h>
#include <stdlib.h>

/** Gives a text that was allocated to the caller, for whom it is freed. */
static void give(guest_string_t *ret, char *text, int len) {
  if (len < 0) abort();
  ret->ptr = (uint8_t *)text;
  ret->len = len;
}

void exports_guest_greet(guest_string_t *name, guest_string_t *ret) {
  char *text;
  int len = asprintf(&text, "Hello, %.*s!", (int)name->len, (char *)name->ptr);
  give(ret, text, len);
  guest_string_free(name);
}

/** A function with a result answers true and its ok case, or false and its error case. */
bool exports_guest_parse(guest_string_t *text, double *ret, guest_string_t *err) {
  char *copy, *end, *why;
  int len = asprintf(&copy, "%.*s", (int)text->len, (char *)text->ptr);
  if (len < 0) abort();
  *ret = strtod(copy, &end);
  bool ok = len > 0 && end == copy + len;
  if (!ok) {
    len = asprintf(&why, "%s is no number", copy);
    give(err, why, len);
  }
  free(copy);
  guest_string_free(text);
  return ok;
}
`;

const HANDLER = `#include "handler.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef exports_wasi_http_incoming_handler_own_incoming_request_t request_t;
typedef exports_wasi_http_incoming_handler_own_response_outparam_t response_out_t;

/** Aborts where something went wrong: the client gets the status 502, and the reason is in the log. */
static void must(bool ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "%s\\n", what);
  abort();
}

static void answer(response_out_t response_out, const char *content, size_t len) {
  wasi_http_types_tuple2_field_key_field_value_t type;
  const char *json = "application/json";
  handler_string_set(&type.f0, "content-type");
  type.f1.ptr = (uint8_t *)json;
  type.f1.len = strlen(json);
  wasi_http_types_list_tuple2_field_key_field_value_t entries = {&type, 1};
  wasi_http_types_own_fields_t headers;
  wasi_http_types_header_error_t refused;
  must(wasi_http_types_static_fields_from_list(&entries, &headers, &refused), "a header was refused");

  wasi_http_types_own_outgoing_response_t response = wasi_http_types_constructor_outgoing_response(headers);
  wasi_http_types_own_outgoing_body_t body;
  must(wasi_http_types_method_outgoing_response_body(wasi_http_types_borrow_outgoing_response(response), &body), "there is no body");
  wasi_http_types_result_own_outgoing_response_error_code_t result = {.is_err = false, .val.ok = response};
  wasi_http_types_static_response_outparam_set(response_out, &result);

  wasi_http_types_own_output_stream_t stream;
  must(wasi_http_types_method_outgoing_body_write(wasi_http_types_borrow_outgoing_body(body), &stream), "there is no stream");
  for (size_t at = 0; at < len; at += 4096) {
    handler_list_u8_t piece = {(uint8_t *)content + at, len - at < 4096 ? len - at : 4096};
    wasi_io_streams_stream_error_t closed;
    must(
        wasi_io_streams_method_output_stream_blocking_write_and_flush(wasi_io_streams_borrow_output_stream(stream), &piece, &closed),
        "the client has gone");
  }
  wasi_io_streams_output_stream_drop_own(stream);
  wasi_http_types_error_code_t unfinished;
  must(wasi_http_types_static_outgoing_body_finish(body, NULL, &unfinished), "the body was not finished");
}

/** Where the value of a field of a query begins; NULL where there is none. */
static const char *field(const char *path, const char *name) {
  size_t len = strlen(name);
  for (const char *at = strchr(path, '?'); at != NULL; at = strchr(at + 1, '&')) {
    if (strncmp(at + 1, name, len) == 0 && at[1 + len] == '=') return at + 2 + len;
  }
  return NULL;
}

/** Answers each request in a turn of its own. */
void exports_wasi_http_incoming_handler_handle(request_t request, response_out_t response_out) {
  handler_string_t given = {NULL, 0};
  wasi_http_types_method_incoming_request_path_with_query(wasi_http_types_borrow_incoming_request(request), &given);
  char *path = strndup((char *)given.ptr, given.len);
  char *json = malloc(2 * given.len + 32);
  must(path != NULL && json != NULL, "there is no memory");

  const char *name = field(path, "name");
  char *end = json + sprintf(json, "{\\"hello\\": \\"");
  for (name = name == NULL ? "world" : name; *name != 0 && *name != '&'; name++) {
    if (*name == '"' || *name == '\\\\') *end++ = '\\\\';
    *end++ = *name;
  }
  end += sprintf(end, "\\"}");
  answer(response_out, json, end - json);

  free(json);
  free(path);
  handler_string_free(&given);
  wasi_http_types_incoming_request_drop_own(request);
}
`;

/** A project whose bindings `wit-bindgen` makes of the world in its `wit` folder. */
function bound(
  name: string,
  { source, world, text, use }: { source: string; world: string; text: string; use: string },
): Pick<LanguageFiles, 'files' | 'commands'> {
  const bindings = `bindings/${world}.c bindings/${world}_component_type.o`;
  return {
    files: { [source]: text },
    commands: [
      GENERATOR,
      COMPILER,
      `wit-bindgen c wit --world ${world} --out-dir bindings`,
      `python3 -m ziglang cc -target wasm32-wasi -mexec-model=reactor -Os -Ibindings ${source} ${bindings} -o ${name}.core.wasm`,
      `npx @bytecodealliance/jco new ${name}.core.wasm --wasi-reactor -o ${name}.wasm`,
      use,
    ],
  };
}

export const C: Readonly<Record<'actor' | 'command' | 'handler' | 'library', MakeFiles>> = {
  actor: (name) => ({
    ...bound(name, {
      source: 'src/actor.c',
      world: 'actor',
      text: actor(name),
      use: `viv run ${name}.wasm --message Ada`,
    }),
    contract: 'actor',
  }),
  command: (name) => ({
    files: { 'src/main.c': COMMAND },
    commands: [
      COMPILER,
      `python3 -m ziglang cc -target wasm32-wasi -Os src/main.c -o ${name}.core.wasm`,
      `npx @bytecodealliance/jco new ${name}.core.wasm --wasi-command -o ${name}.wasm`,
      `viv run ${name}.wasm -- Ada`,
    ],
  }),
  handler: (name) => {
    const use = `viv serve ${name}.wasm`;
    const { files, commands } = bound(name, { source: 'src/handler.c', world: 'handler', text: HANDLER, use });
    return { files: { ...files, 'wit/world.wit': handlerWorld(name) }, commands, contract: 'http' };
  },
  library: (name) => {
    const use = `viv call ${name}.wasm greet '["Ada"]'`;
    const { files, commands } = bound(name, { source: 'src/library.c', world: 'guest', text: LIBRARY, use });
    return { files: { ...files, 'wit/world.wit': libraryWorld(name) }, commands };
  },
};
