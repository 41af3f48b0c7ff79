"""Answers to remote control commands that come after the command has ended."""

STATUS = "mule_status"
ASKED_MAX = 1000


class Answers:
    """What was asked, until the native process has answered."""

    def __init__(self, node):
        self.node = node
        self.box = None  # of the consumer
        self.asked = {}
        self.last = 0

    def attach(self, consumer):
        """Celery sends what a command returns; these are answered later."""
        self.asked.clear()
        boxes = [step.box for step in consumer.steps if hasattr(step, "box")]
        if not boxes or self.box is boxes[0]:
            return
        self.box = boxes[0]
        dispatch = self.box.node.dispatch

        def later(method, arguments=None, reply_to=None, ticket=None,
                  **kwargs):
            if method == STATUS and reply_to and self.node.ready:
                self._ask(reply_to, ticket)
                return None
            return dispatch(method, arguments=arguments, reply_to=reply_to,
                            ticket=ticket, **kwargs)

        self.box.node.dispatch = later

    def _ask(self, reply_to, ticket):
        if len(self.asked) >= ASKED_MAX:
            self.asked.pop(next(iter(self.asked)))
        self.last += 1
        self.asked[self.last] = (reply_to, ticket)
        self.node.native.say({"msg": "control", "method": STATUS,
                              "payload": "", "seal": "", "reply": self.last})

    def answer(self, number, value):
        reply_to, ticket = self.asked.pop(number, (None, None))
        if reply_to is None:
            return
        node = self.box.node
        node.reply({node.hostname: value}, exchange=reply_to["exchange"],
                   routing_key=reply_to["routing_key"], ticket=ticket)
