#ifndef CONFIG_CPUS_H
#define CONFIG_CPUS_H
int cpus_usable(void);
#endif
