#include "fleet/git_words.h"

#include <ctype.h>
#include <string.h>

enum {
    URL_MAX = 4000,
    REVISION_MAX = 200
};

static bool
refuse_url(struct slice url, const char *why, struct err *err)
{
    struct buf shown = BUF_INIT(2UL * URL_MAX);

    git_words_add_masked(&shown, slice_first(url, URL_MAX));
    err_set(err, ERR_CONFIG, "git: \"%.*s\" %s",
            SLICE_ARG(slice_first(buf_slice(&shown), 150)), why);
    buf_release(&shown);
    return err_hint(err, "use file://, git://, http://, https:// or ssh://, "
                         "HOST:PATH or an absolute path");
}

// The scheme in front of "://", or nothing.
static struct slice
scheme_of(struct slice url)
{
    size_t end = slice_find_part(url, SLICE("://"));

    return end < url.len ? slice_first(url, end) : (struct slice){0};
}

static bool
is_known_scheme(struct slice scheme)
{
    static const char *const known[] = {"file", "git", "http", "https", "ssh"};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (slice_equals_text(scheme, known[i])) {
            return true;
        }
    }
    return false;
}

static bool
has_odd_byte(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.data[i] <= ' ' || text.data[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

// The host, to which a user may belong: ssh would take "-oX" for an option.
static bool
begins_with_dash(struct slice authority)
{
    struct slice host = slice_first(authority, slice_find(authority, '/'));
    size_t at = host.len;

    while (at > 0 && host.data[at - 1] != '@') {
        at--;
    }
    return slice_starts_with(host, SLICE("-")) ||
           slice_starts_with(slice_skip(host, at), SLICE("-"));
}

bool
git_words_check_url(struct slice url, struct err *err)
{
    if (url.len == 0 || url.len > URL_MAX || has_odd_byte(url)) {
        return refuse_url(url, "cannot be a URL", err);
    }
    struct slice scheme = scheme_of(url);
    if (url.data[0] == '-') {
        return refuse_url(url, "looks like an option", err);
    }
    size_t colons = slice_find_part(url, SLICE("::"));
    bool helper = colons < url.len;
    for (size_t i = 0; i < colons && helper; i++) {
        helper = isalnum((unsigned char)url.data[i]) ||
                 strchr("+-._", url.data[i]) != NULL;
    }
    if (helper) {
        return refuse_url(url, "would run a program", err);
    }
    if (scheme.len > 0) {
        struct slice rest = slice_skip(url, scheme.len + 3);
        if (!is_known_scheme(scheme)) {
            return refuse_url(url, "has a scheme that is not taken", err);
        }
        return !begins_with_dash(rest) ||
               refuse_url(url, "has a host that looks like an option", err);
    }
    if (url.data[0] == '/') {
        return true;
    }
    size_t colon = slice_find(url, ':');
    if (colon == 0 || colon == url.len || slice_find(url, '/') < colon) {
        return refuse_url(url, "is a path relative to nothing", err);
    }
    return !begins_with_dash(slice_first(url, colon)) ||
           refuse_url(url, "has a host that looks like an option", err);
}

bool
git_words_has_password(struct slice url)
{
    struct slice scheme = scheme_of(url);

    if (scheme.len == 0) {
        return false;
    }
    struct slice rest = slice_skip(url, scheme.len + 3);
    struct slice authority = slice_first(rest, slice_find(rest, '/'));
    size_t at = slice_find(authority, '@');
    return at < authority.len && slice_find(authority, ':') < at;
}

bool
git_words_check_revision(struct slice revision, struct err *err)
{
    bool fine = revision.len > 0 && revision.len <= REVISION_MAX &&
                revision.data[0] != '-' && revision.data[0] != '/' &&
                slice_find_part(revision, SLICE("..")) == revision.len;

    for (size_t i = 0; i < revision.len && fine; i++) {
        fine = isalnum((unsigned char)revision.data[i]) ||
               (revision.data[i] != '\0' &&
                strchr("._/-+@#=", revision.data[i]) != NULL);
    }
    if (fine) {
        return true;
    }
    err_set(err, ERR_CONFIG, "\"%.*s\" cannot be a revision",
            SLICE_ARG(slice_first(revision, 100)));
    return err_hint(err, "name a commit, a branch or a tag");
}

bool
git_words_is_commit(struct slice revision)
{
    if (revision.len != 40 && revision.len != 64) {
        return false;
    }
    for (size_t i = 0; i < revision.len; i++) {
        if (!isxdigit((unsigned char)revision.data[i])) {
            return false;
        }
    }
    return true;
}

bool
git_words_add_masked(struct buf *buf, struct slice text)
{
    while (text.len > 0) {
        size_t start = slice_find_part(text, SLICE("://"));
        if (start == text.len) {
            break;
        }
        buf_add_slice(buf, slice_first(text, start + 3));
        text = slice_skip(text, start + 3);
        // What stands before the last @ of the authority: a password may have
        // one, too, that somebody forgot to write as %40.
        size_t len = 0;
        size_t at = text.len;
        while (len < text.len && text.data[len] != '/' &&
               (unsigned char)text.data[len] > ' ') {
            at = text.data[len] == '@' ? len : at;
            len++;
        }
        if (at < text.len) {
            buf_add_text(buf, "***");
            text = slice_skip(text, at);
        }
    }
    return buf_add_slice(buf, text);
}
