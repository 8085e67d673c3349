// An asynchronous actor of vivarium:actor@0.2.0: echoes, and sleeps if a message says so. `wit-bindgen c` makes actor.h.
#include "actor.h"
#include <stdlib.h>
#include <string.h>

typedef struct {
  actor_waitable_set_t set;
  vivarium_actor_host_services_result_void_messaging_error_t result;
  actor_list_u8_t rest;
} waiting_t;

static void answer(const uint8_t *bytes, size_t len) {
  exports_vivarium_actor_lifecycle_result_option_list_u8_wasm_error_t ret = {0};
  ret.val.ok.is_some = true;
  ret.val.ok.val.ptr = (uint8_t *)bytes;
  ret.val.ok.val.len = len;
  exports_vivarium_actor_lifecycle_handle_message_return(ret);
}

static actor_callback_code_t done(void) {
  exports_vivarium_actor_lifecycle_result_void_wasm_error_t ret = {0};
  exports_vivarium_actor_lifecycle_initialize_return(ret);
  return ACTOR_CALLBACK_CODE_EXIT;
}

actor_callback_code_t exports_vivarium_actor_lifecycle_handle_message(
    exports_vivarium_actor_lifecycle_component_message_t *msg) {
  const uint8_t *at = msg->payload.ptr, *end = at + msg->payload.len;
  if (msg->payload.len < 6 || memcmp(at, "sleep ", 6) != 0) {
    size_t skip = msg->payload.len >= 5 && memcmp(at, "echo ", 5) == 0 ? 5 : 0;
    answer(at + skip, msg->payload.len - skip);
    return ACTOR_CALLBACK_CODE_EXIT;
  }
  uint32_t ms = 0;
  for (at += 6; at < end && *at >= '0' && *at <= '9'; at++) ms = 10 * ms + (*at - '0');
  if (at < end) at++;
  waiting_t *waiting = malloc(sizeof *waiting);
  waiting->rest.ptr = (uint8_t *)at;
  waiting->rest.len = (size_t)(end - at);
  actor_subtask_status_t status = vivarium_actor_host_services_sleep_millis(ms, &waiting->result);
  if (ACTOR_SUBTASK_STATE(status) == ACTOR_SUBTASK_RETURNED) {
    answer(waiting->rest.ptr, waiting->rest.len);
    free(waiting);
    return ACTOR_CALLBACK_CODE_EXIT;
  }
  waiting->set = actor_waitable_set_new();
  actor_waitable_join(ACTOR_SUBTASK_HANDLE(status), waiting->set);
  actor_context_set_0(waiting);
  return ACTOR_CALLBACK_CODE_WAIT(waiting->set);
}

actor_callback_code_t exports_vivarium_actor_lifecycle_handle_message_callback(actor_event_t *event) {
  waiting_t *waiting = actor_context_get_0();
  actor_subtask_drop(event->waitable);
  actor_waitable_set_drop(waiting->set);
  answer(waiting->rest.ptr, waiting->rest.len);
  free(waiting);
  return ACTOR_CALLBACK_CODE_EXIT;
}

actor_callback_code_t exports_vivarium_actor_lifecycle_initialize(
    exports_vivarium_actor_lifecycle_component_config_t *config) {
  return done();
}

actor_callback_code_t exports_vivarium_actor_lifecycle_handle_callback(
    exports_vivarium_actor_lifecycle_component_message_t *msg) {
  exports_vivarium_actor_lifecycle_result_void_wasm_error_t ret = {0};
  exports_vivarium_actor_lifecycle_handle_callback_return(ret);
  return ACTOR_CALLBACK_CODE_EXIT;
}

void exports_vivarium_actor_lifecycle_metadata(exports_vivarium_actor_lifecycle_component_metadata_t *ret) {
  memset(ret, 0, sizeof *ret);
  actor_string_dup(&ret->name, "c");
  actor_string_dup(&ret->version, "1.0.0");
}

actor_callback_code_t exports_vivarium_actor_lifecycle_health(void) {
  exports_vivarium_actor_lifecycle_health_return(VIVARIUM_ACTOR_TYPES_HEALTH_STATUS_HEALTHY);
  return ACTOR_CALLBACK_CODE_EXIT;
}

actor_callback_code_t exports_vivarium_actor_lifecycle_shutdown(void) {
  exports_vivarium_actor_lifecycle_shutdown_return();
  return ACTOR_CALLBACK_CODE_EXIT;
}

// None of these waits, so that none of them is called back.
actor_callback_code_t exports_vivarium_actor_lifecycle_initialize_callback(actor_event_t *event) { abort(); }
actor_callback_code_t exports_vivarium_actor_lifecycle_handle_callback_callback(actor_event_t *event) { abort(); }
actor_callback_code_t exports_vivarium_actor_lifecycle_health_callback(actor_event_t *event) { abort(); }
actor_callback_code_t exports_vivarium_actor_lifecycle_shutdown_callback(actor_event_t *event) { abort(); }
