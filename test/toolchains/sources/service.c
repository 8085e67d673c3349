// A service of wasi:http@0.3: /hello answers hello, /upper its body in capital letters. `wit-bindgen c` makes service.h.
// Nothing blocks: each operation that cannot end at once is a waitable of the task's set, and the callback goes on with it.
#include "service.h"
#include <stdlib.h>
#include <string.h>

#define PIECE 4096

typedef wasi_http_types_result_option_own_trailers_error_code_t trailers_t;
typedef wasi_http_types_result_void_error_code_t handled_t;

typedef struct {
  service_waitable_set_t set;
  uint32_t pending;
  wasi_http_types_stream_u8_t body;
  wasi_http_types_future_result_void_error_code_writer_t handled;
  wasi_http_types_stream_u8_writer_t contents;
  wasi_http_types_future_result_option_own_trailers_error_code_writer_t trailers;
  uint8_t *bytes;
  size_t len, written;
} task_t;

static const handled_t HANDLED = {.is_err = false};
static const trailers_t NO_TRAILERS = {.is_err = false, .val.ok.is_some = false};

/** Whether the operation goes on. The callback is told its end then. */
static bool goes_on(task_t *task, uint32_t waitable, service_waitable_status_t status) {
  if (status != SERVICE_WAITABLE_STATUS_BLOCKED) return false;
  service_waitable_join(waitable, task->set);
  task->pending++;
  return true;
}

static void finish(task_t *task) {
  wasi_http_types_stream_u8_drop_writable(task->contents);
  service_waitable_status_t status =
      wasi_http_types_future_result_option_own_trailers_error_code_write(task->trailers, &NO_TRAILERS);
  if (!goes_on(task, task->trailers, status))
    wasi_http_types_future_result_option_own_trailers_error_code_drop_writable(task->trailers);
}

/** Writes what is left of the answer; `status` is what came of the write before. */
static void write_rest(task_t *task, service_waitable_status_t status) {
  for (;;) {
    task->written += SERVICE_WAITABLE_COUNT(status);
    if (SERVICE_WAITABLE_STATE(status) == SERVICE_WAITABLE_DROPPED || task->written == task->len) return finish(task);
    status = wasi_http_types_stream_u8_write(task->contents, task->bytes + task->written, task->len - task->written);
    if (goes_on(task, task->contents, status)) return;
  }
}

static void answer(task_t *task, uint16_t status) {
  wasi_http_types_option_stream_u8_t contents = {true, wasi_http_types_stream_u8_new(&task->contents)};
  wasi_http_types_tuple2_own_response_future_result_void_error_code_t made;
  wasi_http_types_static_response_new(
      wasi_http_types_constructor_fields(),
      &contents.val,
      wasi_http_types_future_result_option_own_trailers_error_code_new(&task->trailers),
      &made);
  wasi_http_types_future_result_void_error_code_drop_readable(made.f1);
  wasi_http_types_method_response_set_status_code(wasi_http_types_borrow_response(made.f0), status);
  exports_wasi_http_handler_result_own_response_error_code_t result = {.is_err = false, .val.ok = made.f0};
  exports_wasi_http_handler_handle_return(result);
  write_rest(task, 0);
}

/** The body has ended. */
static void read_all(task_t *task) {
  wasi_http_types_stream_u8_drop_readable(task->body);
  if (!goes_on(task, task->handled, wasi_http_types_future_result_void_error_code_write(task->handled, &HANDLED)))
    wasi_http_types_future_result_void_error_code_drop_writable(task->handled);
  for (size_t at = 0; at < task->len; at++)
    if (task->bytes[at] >= 'a' && task->bytes[at] <= 'z') task->bytes[at] -= 'a' - 'A';
  answer(task, 200);
}

/** Reads what is left of the request; `status` is what came of the read before. */
static void read_rest(task_t *task, service_waitable_status_t status) {
  for (;;) {
    task->len += SERVICE_WAITABLE_COUNT(status);
    if (SERVICE_WAITABLE_STATE(status) == SERVICE_WAITABLE_DROPPED) return read_all(task);
    task->bytes = realloc(task->bytes, task->len + PIECE);
    status = wasi_http_types_stream_u8_read(task->body, task->bytes + task->len, PIECE);
    if (goes_on(task, task->body, status)) return;
  }
}

static service_callback_code_t waits(task_t *task) {
  if (task->pending > 0) {
    service_context_set_0(task);
    return SERVICE_CALLBACK_CODE_WAIT(task->set);
  }
  service_waitable_set_drop(task->set);
  free(task->bytes);
  free(task);
  return SERVICE_CALLBACK_CODE_EXIT;
}

service_callback_code_t exports_wasi_http_handler_handle(exports_wasi_http_handler_own_request_t request) {
  task_t *task = calloc(1, sizeof *task);
  task->set = service_waitable_set_new();
  service_string_t path = {NULL, 0};
  wasi_http_types_method_request_get_path_with_query(wasi_http_types_borrow_request(request), &path);
  bool upper = path.len == 6 && memcmp(path.ptr, "/upper", 6) == 0;
  bool hello = path.len == 6 && memcmp(path.ptr, "/hello", 6) == 0;
  service_string_free(&path);
  if (upper) {
    wasi_http_types_tuple2_stream_u8_future_result_option_own_trailers_error_code_t body;
    wasi_http_types_static_request_consume_body(
        request, wasi_http_types_future_result_void_error_code_new(&task->handled), &body);
    wasi_http_types_future_result_option_own_trailers_error_code_drop_readable(body.f1);
    task->body = body.f0;
    read_rest(task, 0);
  } else {
    wasi_http_types_request_drop_own(request);
    if (hello) {
      task->bytes = (uint8_t *)strdup("hello");
      task->len = 5;
    }
    answer(task, hello ? 200 : 404);
  }
  return waits(task);
}

service_callback_code_t exports_wasi_http_handler_handle_callback(service_event_t *event) {
  task_t *task = service_context_get_0();
  task->pending--;
  service_waitable_join(event->waitable, 0);
  if (event->waitable == task->body && event->event == SERVICE_EVENT_STREAM_READ) read_rest(task, event->code);
  else if (event->waitable == task->contents && event->event == SERVICE_EVENT_STREAM_WRITE) write_rest(task, event->code);
  else if (event->waitable == task->handled) wasi_http_types_future_result_void_error_code_drop_writable(task->handled);
  else wasi_http_types_future_result_option_own_trailers_error_code_drop_writable(task->trailers);
  return waits(task);
}
