// Any bytes are a value or an error that says why; fields of an object are
// what they say or an error that names them; and what was read can be written
// and read again.
#include <string.h>

#include "fuzz.h"
#include "util/field.h"
#include "util/json_text.h"

static void
check_said(bool good, struct err *err)
{
    FUZZ_CHECK(good != err_is_set(err));
    FUZZ_CHECK(good || (err->kind == ERR_PROTOCOL && err->text[0] != '\0'));
    err_clear(err);
}

static void
read_fields(const json_t *object)
{
    struct err err = {0};
    struct slice text = {NULL, 0};
    int64_t integer = 5;
    double number = 0;
    bool truth = false;
    const json_t *inner = NULL;
    struct field_range range = {0, 9};

    check_said(field_text(object, "a", &text, &err), &err);
    check_said(field_text_optional(object, "b", &text, &err), &err);
    check_said(field_int(object, "a", range, &integer, &err), &err);
    check_said(field_int_optional(object, "b", range, &integer, &err), &err);
    FUZZ_CHECK(integer >= 0 && integer <= 9);
    check_said(field_double(object, "a", &number, &err), &err);
    check_said(field_bool(object, "b", &truth, &err), &err);
    check_said(field_object(object, "b", &inner, &err), &err);
    if (field_array(object, "a", &inner, &err)) {
        check_said(field_element_text(inner, 0, &text, &err), &err);
        check_said(field_element_object(inner, 1, &inner, &err), &err);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    json_t *value = json_text_parse(slice_make((const char *)data, size), &err);

    check_said(value != NULL, &err);
    if (value == NULL) {
        return 0;
    }
    if (json_is_object(value)) {
        read_fields(value);
    }
    char *dump = json_dumps(value, JSON_ENCODE_ANY);
    FUZZ_CHECK(dump != NULL);
    json_t *again = json_text_parse(slice_of(dump), &err);
    FUZZ_CHECK(again != NULL);
    json_decref(again);
    free(dump);
    json_decref(value);
    return 0;
}
