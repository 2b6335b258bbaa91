"""The walkthrough, against a service that is already running."""

from contextlib import closing

from service.cli.demo import answers, bill, datasets, family, notice, training
from service.cli.demo.people import Admin
from service.cli.demo.receiver import Receiver
from service.cli.demo.screen import Screen

# Enough for two jobs on sandbox-mini, but not for a third one of twelve epochs.
SUPPORT_BUDGET_USD = "0.25"
OTHER_BUDGET_USD = "1.00"


def run_story(url: str, admin_key: str, receiver: Receiver, screen: Screen) -> None:
    """Run all seven chapters. Raises `DemoFailed` when a check fails.

    The service's provider must be a sandbox trainer, and it must be allowed to call the loopback network.
    """
    with closing(Admin(url, admin_key)) as admin:
        screen.chapter(1, "An admin creates two teams")
        support = admin.make_team("Customer support", "support", SUPPORT_BUDGET_USD)
        other = admin.make_team("Purchasing", "purchasing", OTHER_BUDGET_USD)
        with closing(support), closing(other):
            for team, limit in ((support, SUPPORT_BUDGET_USD), (other, OTHER_BUDGET_USD)):
                screen.say(f"{team.name}: key {team.key[:9]}…, budget ${limit}")
            secret = notice.register(support, receiver)

            screen.chapter(2, "A broken dataset is refused; a good one gets a report")
            datasets.refuse_broken(support, screen)
            examples = datasets.report_good(support, screen)

            screen.chapter(3, "Estimate a job, then run it")
            first = training.tune_base(support, examples, screen)

            screen.chapter(4, "Tune the tuned model, then exceed the budget")
            second = training.tune_tuned(support, first, screen)
            training.exceed_budget(support, examples, screen)

            screen.chapter(5, "Ask the base and the tuned model the same question")
            answers.compare(admin, support, str(second.fine_tuned_model), screen)
            answers.ask_once(other, screen)

            screen.chapter(6, "Webhooks")
            notice.check(support, receiver, secret, [first.id, second.id], screen)

            screen.chapter(7, "Lineage and costs")
            family.show(support, [first, second], screen)
            bill.show(admin, [support, other], screen)
            bill.hide(support, other, [first, second], screen)
