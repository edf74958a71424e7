"""A stand-in for PayPal's subscription API: stateful, over real HTTP, for the demo and the tests.

`python -m portal.demo.simulator --port 8010 [--state FILE] [--authority FILE]`, or in-process: `Simulator()` and
`serve(simulator)`.
The sandbox answers at `/v1/…`, live at `/live/v1/…`: two worlds of accounts that do not know each other.

Its control address is `/_simulator/` (a page with buttons); the same as JSON:

    GET    /_simulator/rules                what is set to go wrong
    POST   /_simulator/rules                the arguments of Simulator.rule
    DELETE /_simulator/rules                back to normal
    POST   /_simulator/clock                {"days", "hours"}: bills, expires and suspends what falls due
    GET    /_simulator/calls                every call with its operation, id and answer
    DELETE /_simulator/calls                forget them
    GET    /_simulator/subscriptions        all of them, as stored
    POST   /_simulator/accounts             the arguments of Simulator.add_account
    POST   /_simulator/plans                … of Simulator.add_plan
    POST   /_simulator/subscriptions        … of Simulator.add_subscription
    POST   /_simulator/classic-accounts     … of Simulator.add_classic_account: a key to the classic API
    POST   /_simulator/profiles             … of Simulator.add_profile: what only the classic API knows
    GET    /_simulator/ipns                 every IPN made so far, with the answers of the account's listener
    POST   /_simulator/many                 … of Simulator.add_many: very many subscriptions at once
    POST   /_simulator/webhooks             … of Simulator.add_webhook; GET /webhooks, /events, /deliveries list them
    POST   /_simulator/limit                {"calls", "seconds"} of one account, beyond which it is 429; {}: no limit
    POST   /_simulator/sending              {"automatic": false} holds messages back; {"shuffled": SEED} mixes them
    POST   /_simulator/deliveries/hurry     what has not arrived is due now, whatever gap it waits for
    POST   /_simulator/deliveries/repeat    {"last": 3} sends the last three that arrived once more
    POST   /_simulator/subscriptions/ID/ACTION   ACTION of life.happenings.HAPPENINGS, for example buyer-cancels

Operations: rules.OPERATIONS.  Behaviours: rules.Behaviour.  Rules and limits live in memory:
a restart is back to normal.  Messages to webhooks are signed by an authority of the process's own
(sending.certificates), whose root `--authority FILE` writes to a file before anything is answered.
What it is and is not known to share with PayPal: FACTS.md; nothing here was compared with PayPal itself.
"""

from __future__ import annotations

from portal.demo.simulator.rules import Behaviour
from portal.demo.simulator.sending.delivery import Message
from portal.demo.simulator.server import Handle, serve
from portal.demo.simulator.world import Simulator

__all__ = ["Behaviour", "Handle", "Message", "Simulator", "serve"]
