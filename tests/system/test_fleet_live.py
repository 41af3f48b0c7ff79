"""What tests on workers print is seen while they run, by those who ask."""

from support.fleet_case import FleetCase

TALKING = """
    import os, unittest
    class Talking(unittest.TestCase):
        def test_talk(self):
            for line in open(os.environ["GO"]):
                if line == "end\\n":
                    return
                print("heard", line, end="", flush=True)
    """


class Live:

    def setUp(self):
        super().setUp()
        self.go = self.fifo("go")
        self.environment["GO"] = self.go.path
        self.suite({"test_talking.py": TALKING})
        self.start_worker(name="one")

    def test_it_is_seen_before_the_test_ends(self):
        program = self.start_distributed("--live", "test_talking.*", "--lease", "2s")
        id = "test_talking.Talking.test_talk"
        for word in ("first", "second"):
            self.go.write(word + "\n")
            event = program.wait_until(
                lambda word=word: next(
                    (event for event in program.events
                     if event["event"] == "worker"
                     and event["what"] == "printed"
                     and word in event["text"]), None), word)
            self.assertEqual(event["id"], id)
            self.assertRegex(event["worker"], "^one@")
        program.wait_text(r"^one@\S+ %s \| heard second" % id)
        self.assertNotIn("test_finished",
                         [event["event"] for event in program.events])
        self.go.write("end\n")
        result = self.result_of(program)
        self.assertEqual(result.output_of(id), "heard first\nheard second\n")
        self.assertEqual(result.status, 0, result.text)

    def test_others_are_not_shown(self):
        program = self.start_distributed("--live", "other", "--lease", "2s")
        self.go.write("first\n")
        self.go.write("end\n")
        result = self.result_of(program)
        self.assertEqual([event for event in result.all("worker")
                          if event["what"] == "printed"], [])
        self.assertEqual(result.count("passed"), 1)


class RedisLive(Live, FleetCase):
    broker_kind = "redis"


class RabbitLive(Live, FleetCase):
    broker_kind = "rabbitmq"


class Alone(FleetCase):

    def test_on_one_machine_it_is_refused(self):
        result = self.mule("test", "--live", "x")
        self.assertMistake(result, "--live", "--distributed")
