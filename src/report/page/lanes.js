// What the timeline draws: lanes one below the other, slices in each.

function laneHeight(count) {
    if (count <= 16) {
        return 22;
    }
    if (count <= 64) {
        return 16;
    }
    return count <= 512 ? 10 : 6;
}

// Rows of workers and of their lanes, by `y`; {rows, height}.
function layOut(model) {
    const byWorker = new Map();
    for (const lane of model.lanes) {
        const worker = lane.worker || '';
        if (!byWorker.has(worker)) {
            byWorker.set(worker, []);
        }
        byWorker.get(worker).push(lane);
    }
    const height = laneHeight(model.lanes.length);
    const rows = [];
    let y = 0;
    for (const [worker, lanes] of byWorker) {
        if (byWorker.size > 1) {
            rows.push({y, height: 20, worker: worker || 'this machine'});
            y += 20;
        }
        lanes.sort((a, b) => a.slot - b.slot);
        for (const lane of lanes) {
            rows.push({y, height, lane, slices: [], stints: []});
            y += height;
        }
    }
    const byLane = new Map(rows.filter((row) => row.lane)
        .map((row) => [row.lane.place, row]));
    placeSlices(model, byLane);
    return {rows, height: y, lanes: rows.filter((row) => row.lane)};
}

function placeSlices(model, byLane) {
    const add = (lane, slice) => {
        const row = byLane.get(lane);
        if (row) {
            row.slices.push(slice);
        }
    };
    for (const test of model.tests) {
        if (test.state !== 'n') {
            add(test.lane, {test, began: test.began, us: test.us,
                state: test.state, tried: false});
        }
    }
    for (const attempt of model.attempts) {
        add(attempt.lane, {test: attempt.test, began: attempt.began,
            us: attempt.us, state: attempt.state, tried: true});
    }
    for (const stint of model.stints) {
        const row = byLane.get(stint.lane);
        if (row) {
            row.stints.push(stint);
        }
    }
    for (const row of byLane.values()) {
        row.slices.sort((a, b) => a.began - b.began);
        row.stints.sort((a, b) => a.began - b.began);
    }
}

// The row at that height, or null.
function rowAt(layout, y) {
    let low = 0;
    let high = layout.rows.length - 1;
    while (low <= high) {
        const middle = (low + high) >> 1;
        const row = layout.rows[middle];
        if (y < row.y) {
            high = middle - 1;
        } else if (y >= row.y + row.height) {
            low = middle + 1;
        } else {
            return row;
        }
    }
    return null;
}

// The place of the first one that ends after `us`: they follow each other.
function firstAfter(slices, us) {
    let low = 0;
    let high = slices.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (slices[middle].began + slices[middle].us < us) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

// How many slots were busy, and whether a test ended badly, in each of
// `count` stretches of the run.
function overviewOf(model, layout, count) {
    const busy = new Float64Array(count);
    const bad = new Uint8Array(count);
    const each = model.us / count;
    const spread = (began, us, weight) => {
        const end = Math.min(began + us, model.us);
        let at = Math.min(Math.floor(began / each), count - 1);
        for (let from = began; from < end && at < count; at++) {
            const to = Math.min((at + 1) * each, end);
            busy[at] += (to - from) / each * weight;
            from = to;
        }
    };
    for (const row of layout.lanes) {
        const list = row.stints.length > 0 ? row.stints : row.slices;
        if (row.lane.busy !== undefined) {
            [...row.lane.busy].forEach((digit, at) => spread(
                at * model.cellUs, model.cellUs, LEVELS.get(digit)));
            [...row.lane.worst].forEach((state, at) => {
                if (state !== '-' && STATES[state].bad) {
                    const place = Math.floor(at * model.cellUs / each);
                    bad[Math.min(place, count - 1)] = 1;
                }
            });
        } else {
            list.forEach((slice) => spread(slice.began, slice.us, 1));
        }
        for (const slice of row.slices) {
            if (STATES[slice.state].bad) {
                const end = slice.began + slice.us;
                bad[Math.min(Math.floor(end / each), count - 1)] = 1;
            }
        }
    }
    return {busy, bad};
}
