# The front door. `make run` and `make check` do all that is needed on a fresh
# machine: packages, configuration, build. The work itself is in meson.build
# and in tools/.
#
#   make build     the program, at build/mule; it runs from there
#   make run       ... and the tests of the example with it
#   make check     every test
#   make lint      what looks at the sources
#   make asan      the tests under the address and undefined-behaviour checks
#   make bench     speed, beside bare loops and other runners
#   make fleet-all   faults on a fleet with each broker and kind of worker
#   make soak      200 faults drawn by lot; SOAK_FAULTS, SOAK_SEED
#   make compare   the standard library's tests, under unittest and under mule
#   make compare-django   Django's own tests, under its runner and under mule
#   make fuzz      looks for new inputs; FUZZ_SECONDS for each target
#   make format    lets clang-format have its way
#   make install   PREFIX, DESTDIR
#   make wheel     for other machines, to build/wheel: the libraries are in it
#   make clean

BUILD = build
ASAN = build-asan
FUZZ = build-fuzz
FUZZ_SECONDS = 60
SOAK_FAULTS = 200
SOAK_SEED =
PREFIX = /usr/local
SETUP_FLAGS = --prefix=$(PREFIX)
ifeq ($(CI),true)
SETUP_FLAGS += -Dwerror=true
endif

.PHONY: all build run check lint asan fleet-all soak bench compare fuzz format
.PHONY: install clean compare-django
all: build

# The stamps that meson leaves make each of these a matter of milliseconds.
$(BUILD)/build.ninja:
	meson setup $(BUILD) $(SETUP_FLAGS)
$(ASAN)/build.ninja:
	meson setup $(ASAN) $(SETUP_FLAGS) \
	    -Db_sanitize=address,undefined -Db_lundef=false
$(FUZZ)/build.ninja:
	CC=clang meson setup $(FUZZ) -Dfuzzers=true \
	    -Db_sanitize=address,undefined -Db_lundef=false

.PHONY: packages check-packages
packages:
	@tools/install_packages build
check-packages: packages
	@tools/install_packages --may-miss check

build: packages
	@$(MAKE) -s --no-print-directory $(BUILD)/build.ninja
	@ninja -C $(BUILD)

run: build
	cd examples/unittest && ../../$(BUILD)/mule test

check: check-packages
	@$(MAKE) -s --no-print-directory $(BUILD)/build.ninja
	@tools/check $(BUILD) unit golden style fuzz broker smoke python system \
	    wheel

lint: build
	@tools/install_packages --may-miss lint
	@mkdir -p $(BUILD)/results
	@tools/lint $(BUILD) >$(BUILD)/results/lint.tap; \
	    status=$$?; cat $(BUILD)/results/lint.tap; exit $$status

asan: check-packages
	@$(MAKE) -s --no-print-directory $(ASAN)/build.ninja
	@ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 \
	    UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	    tools/check $(ASAN) unit golden fuzz broker smoke lean

# CI meets each fault with one broker and one kind of worker; this with all.
fleet-all: check-packages
	@$(MAKE) -s --no-print-directory $(BUILD)/build.ninja
	@ninja -C $(BUILD) mule
	MULE_FLEET_ALL=1 $(BUILD)/mule test --basedir tests/system --top tests \
	    tests/system/test_fleet_faults.py

soak: check-packages
	@$(MAKE) -s --no-print-directory $(BUILD)/build.ninja
	@ninja -C $(BUILD) mule
	MULE_SOAK_FAULTS=$(SOAK_FAULTS) MULE_SOAK_SEED=$(SOAK_SEED) \
	    $(BUILD)/mule test -vvv --basedir tests/system --top tests \
	    --timeout 0 tests/system/test_fleet_soak.py

# ROWS=spawn,zygote and QUICK=1 for a part of it.
bench: build
	@tools/install_packages --may-miss bench
	bench/run --mule $(BUILD)/mule

# LABELS='test.test_a*' for a part of it.
compare: build
	@tools/install_packages --may-miss compare
	tools/compare-with-unittest --mule $(BUILD)/mule \
	    --list tests/compare/stdlib-3.11.txt \
	    --known tests/compare/known-3.11.txt $(LABELS)

# FOLDERS='admin_views queries' and DATABASE=sqlite for a part of it; PIECES=10
# for all of it in a third of the time.
DATABASE = both
PIECES = 1
compare-django: build
	@tools/install_packages --may-miss compare-django
	@mkdir -p $(BUILD)/results
	tools/compare-with-django --mule $(BUILD)/mule --database $(DATABASE) \
	    --pieces $(PIECES) --folder $(BUILD)/django-suite \
	    --known tests/compare/django-5.2-known.txt \
	    --tap $(BUILD)/results/compare-django.tap $(FOLDERS)

fuzz: packages
	@tools/install_packages fuzz
	@$(MAKE) -s --no-print-directory $(FUZZ)/build.ninja
	@ninja -C $(FUZZ)
	tests/fuzz/run $(FUZZ) $(FUZZ_SECONDS)

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

install: build
	@meson configure $(BUILD) -Dprefix=$(PREFIX)
	meson install -C $(BUILD)

wheel: packages
	@tools/install_packages wheel
	tools/make_wheel $(BUILD)/wheel

clean:
	rm -rf $(BUILD) $(ASAN) $(FUZZ)
