/*
 * Where mule's own Python package lies: that of the installation which this
 * program is part of, never one that happens to be importable.
 */
#ifndef CONFIG_PACKAGE_H
#define CONFIG_PACKAGE_H

#include "util/err.h"

/*
 * How the program was installed. PACKAGE_SHARED: by `meson install`, with the
 * package in a folder that only mule knows. PACKAGE_WHEEL: by pip, with the
 * package among others in the site-packages of some Python.
 */
enum package_layout {
    PACKAGE_SHARED,
    PACKAGE_WHEEL,
};

/* What this program was built as. */
enum package_layout package_layout_here(void);

/*
 * The folder that holds the package `mule`, seen from the path of the program:
 * where such an installation has it, or in the source tree, from which built
 * programs run, too. To be freed; NULL with err, ERR_CONFIG.
 */
char *package_find(const char *executable, enum package_layout layout,
                   struct err *err);

/*
 * The folder below which the documents lie that messages and the manual call
 * docs/...: of the same installation, or the source tree. To be freed; NULL: they were
 * not installed.
 */
char *package_documents(const char *executable);

#endif
