// Parses JSON by recursive descent and sums what it holds.
#include "kernel.h"

static const char TEXT[] =
    "{\"orders\":[{\"id\":1071,\"customer\":\"Ada Lovelace\",\"paid\":true,\"lines\":[{\"sku\":\"A-1\",\"count\":3},"
    "{\"sku\":\"B-22\",\"count\":14}],\"note\":null},{\"id\":1072,\"customer\":\"Alan \\\"Tu\\\" Turing\",\"paid\":false,"
    "\"lines\":[],\"note\":\"call first\"},{\"id\":1073,\"customer\":\"Grace Hopper\",\"paid\":true,\"lines\":[{\"sku\":"
    "\"C-3\",\"count\":-7},{\"sku\":\"D-4\",\"count\":99},{\"sku\":\"E-5\",\"count\":12345}],\"note\":\"\"}],\"total\":3}";

static const char *at;
static uint32_t value(void);

static void blanks(void) {
  while (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r') at++;
}

static uint32_t string(void) {
  uint32_t hash = 5381;
  for (at++; *at != '"'; at++) {
    if (*at == '\\') at++;
    hash = hash * 33 + (uint8_t)*at;
  }
  at++;
  return hash;
}

static uint32_t number(void) {
  int negative = *at == '-';
  int32_t sum = 0;
  at += negative;
  while (*at >= '0' && *at <= '9') sum = sum * 10 + *at++ - '0';
  return (uint32_t)(negative ? -sum : sum);
}

static uint32_t array(void) {
  uint32_t sum = 1;
  at++;
  blanks();
  while (*at != ']') {
    sum = sum * 31 + value();
    blanks();
    if (*at == ',') at++;
  }
  at++;
  return sum;
}

static uint32_t object(void) {
  uint32_t sum = 2;
  at++;
  blanks();
  while (*at != '}') {
    sum += string();
    blanks();
    at++;
    sum = sum * 31 + value();
    blanks();
    if (*at == ',') at++;
    blanks();
  }
  at++;
  return sum;
}

static uint32_t value(void) {
  blanks();
  switch (*at) {
    case '{': return object();
    case '[': return array();
    case '"': return string();
    case 't': at += 4; return 3;
    case 'f': at += 5; return 4;
    case 'n': at += 4; return 5;
    default: return number();
  }
}

EXPORT(run) uint32_t run(uint32_t n) {
  uint32_t sum = 0;
  while (n--) {
    at = TEXT;
    sum = sum * 7 + value();
  }
  return sum;
}
