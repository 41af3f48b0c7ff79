#include "schedule/distribution.h"

#include <math.h>
#include <stdlib.h>

#include "util/alloc.h"

// Standard deviations of the logarithm: far more than any suite has.
#define SIGMA_MAX 64.0
#define SIGMA_STEPS 48

uint64_t
distribution_draw(uint64_t *state)
{
    // Sebastiano Vigna's splitmix64.
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Between 0 and 1, and neither of them. */
static double
draw_share(uint64_t *state)
{
    return ((double)(distribution_draw(state) >> 11) + 0.5) * 0x1p-53;
}

/* From the normal distribution (Box and Muller 1958). */
static double
draw_normal(uint64_t *state)
{
    double radius = sqrt(-2 * log(draw_share(state)));
    return radius * cos(2 * M_PI * draw_share(state));
}

/* The sum of all, where the largest of them is 1. */
static double
sum_of(const double *normal, size_t count, double largest, double sigma)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += exp(sigma * (normal[i] - largest));
    }
    return sum;
}

static bool
fill_lognormal(const struct distribution *distribution, uint64_t *us,
               size_t count, struct err *err)
{
    double wanted = (double)distribution->sum_us / (double)distribution->max_us;
    if (wanted < 1 || wanted > (double)count) {
        return err_set(err, ERR_USAGE,
                       "%zu jobs of which the longest takes %g s cannot take "
                       "%g s together",
                       count, (double)distribution->max_us / 1e6,
                       (double)distribution->sum_us / 1e6);
    }
    double *normal = alloc_zero(count, sizeof(*normal));
    uint64_t state = distribution->seed;
    double largest = -HUGE_VAL;
    for (size_t i = 0; i < count; i++) {
        normal[i] = draw_normal(&state);
        largest = fmax(largest, normal[i]);
    }
    // The more they differ, the less do all others take beside the longest.
    double low = 0;
    double high = SIGMA_MAX;
    for (int step = 0; step < SIGMA_STEPS; step++) {
        double sigma = (low + high) / 2;
        bool more = sum_of(normal, count, largest, sigma) > wanted;
        low = more ? sigma : low;
        high = more ? high : sigma;
    }
    for (size_t i = 0; i < count; i++) {
        double share = exp(low * (normal[i] - largest));
        us[i] = (uint64_t)llround(share * (double)distribution->max_us);
    }
    free(normal);
    return true;
}

bool
distribution_fill(const struct distribution *distribution, uint64_t *us,
                  size_t count, struct err *err)
{
    uint64_t state = distribution->seed;
    uint64_t range = distribution->max_us - distribution->min_us + 1;
    if (distribution->kind == DISTRIBUTION_LOGNORMAL && count > 0) {
        return fill_lognormal(distribution, us, count, err);
    }
    for (size_t i = 0; i < count; i++) {
        us[i] = distribution->max_us;
        if (distribution->kind == DISTRIBUTION_UNIFORM && range > 0) {
            us[i] = distribution->min_us + distribution_draw(&state) % range;
        }
    }
    return true;
}
