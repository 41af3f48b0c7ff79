/*
 * An intrusive, doubly linked list: the link is part of the element, so that
 * an element is added and removed without memory and without a search. Owns
 * nothing.
 *
 *     struct job { struct list_link link; ... };
 *     struct list jobs;
 *     list_init(&jobs);
 *     list_add(&jobs, &job->link);
 *     LIST_FOR_EACH (link, &jobs) {
 *         struct job *job = LIST_ENTRY(link, struct job, link);
 *     }
 */
#ifndef UTIL_LIST_H
#define UTIL_LIST_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

/* Zeroed = in no list. */
struct list_link {
    struct list_link *next;
    struct list_link *previous;
};

/* Must be initialised, and must not move while it has elements. */
struct list {
    struct list_link head;
};

/* The element that has `link` as its member `member`. */
#define LIST_ENTRY(link, type, member) \
    ((type *)(void *)((char *)(link)-offsetof(type, member)))

/* Visits every link; the one that is visited may be removed meanwhile. */
// NOLINTBEGIN(bugprone-macro-parentheses): a name cannot be declared in them
#define LIST_FOR_EACH(link, list)                                         \
    for (struct list_link *link = (list)->head.next, *next_ = link->next; \
         link != &(list)->head; link = next_, next_ = link->next)
// NOLINTEND(bugprone-macro-parentheses)

static inline void
list_init(struct list *list)
{
    list->head.next = list->head.previous = &list->head;
}

static inline bool
list_is_empty(const struct list *list)
{
    return list->head.next == &list->head;
}

/* Whether the element is in a list. */
static inline bool
list_has(const struct list_link *link)
{
    return link->next != NULL;
}

/* Adds behind `place`; the element must be in no list. */
static inline void
list_add_behind(struct list_link *place, struct list_link *link)
{
    assert(!list_has(link));
    link->next = place->next;
    link->previous = place;
    place->next->previous = link;
    place->next = link;
}

/* Adds at the end. */
static inline void
list_add(struct list *list, struct list_link *link)
{
    list_add_behind(list->head.previous, link);
}

/* Adds at the front. */
static inline void
list_add_first(struct list *list, struct list_link *link)
{
    list_add_behind(&list->head, link);
}

/* Takes the element out of its list; one that is in no list stays so. */
static inline void
list_remove(struct list_link *link)
{
    if (!list_has(link)) {
        return;
    }
    link->previous->next = link->next;
    link->next->previous = link->previous;
    link->next = link->previous = NULL;
}

/* The first link, or NULL. */
static inline struct list_link *
list_first(const struct list *list)
{
    // The analyzer does not see that what was freed was taken out before.
    // NOLINTNEXTLINE(clang-analyzer-unix.Malloc)
    return list_is_empty(list) ? NULL : list->head.next;
}

/* Takes the first link out of the list and gives it, or NULL. */
static inline struct list_link *
list_take_first(struct list *list)
{
    struct list_link *link = list_first(list);

    if (link != NULL) {
        list_remove(link);
    }
    return link;
}

#endif
