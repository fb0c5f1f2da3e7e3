"""What a report's page shows, as a reader finds it: by the ids and classes of its elements."""

import re
import time

from page import Browser

# Of anything that follows from what the reader does.
PATIENCE_S = 10.0


def numbers(text):
    """All numbers in a text of the page, which has real minuses and commas between thousands."""
    plain = text.replace("\u2212", "-").replace(",", "")
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?", plain)]


def shows(text, value):
    """Whether a number in the text is this one, to the three digits that the page shows."""
    return any(abs(number - value) <= 0.0051 * abs(value) + 1e-9 for number in numbers(text))


class ReportPage(Browser):
    """A browser that knows its way about reports."""

    def texts(self, selector):
        return self.run("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector)

    def text(self, selector):
        """Of all elements that match, a line each."""
        return "\n".join(self.texts(selector))

    def count(self, selector):
        return self.run("return document.querySelectorAll(arguments[0]).length", selector)

    def attributes(self, selector, name):
        return self.run("return [...document.querySelectorAll(arguments[0])].map(e => e.getAttribute(arguments[1]))",
                        selector, name)

    def rows(self, selector):
        """The cells' texts of each row of a table's body."""
        return self.run("return [...document.querySelectorAll(`${arguments[0]} tbody tr`)].map("
                        "row => [...row.cells].map(cell => cell.textContent))", selector)

    def click(self, selector):
        self.driver.find_element("css selector", selector).click()

    def type(self, selector, text):
        element = self.driver.find_element("css selector", selector)
        element.clear()
        element.send_keys(text)

    def nodes(self, kind):
        """Heads and MLPs inside ("in") or outside ("out") of the circuit."""
        names = self.attributes(f"#graph g.node.{kind}", "data-node")
        return sorted(set(names) - {"embed", "logits"})

    def point_at(self, selector):
        """Moves the mouse to a place where the element is on top. False if there is none."""
        place = self.run("""
            const element = document.querySelector(arguments[0]);
            element.scrollIntoView({block: 'center', inline: 'center'});
            const box = element.getBoundingClientRect(), places = [[(box.left + box.right) / 2,
                                                                    (box.top + box.bottom) / 2]];
            if (element.getTotalLength) {
              const length = element.getTotalLength(), matrix = element.getScreenCTM();
              for (let at = 0; at < length; at += length / 40) {
                const point = element.getPointAtLength(at).matrixTransform(matrix);
                places.push([point.x, point.y]);
              }
            }
            return places.map(([x, y]) => [Math.round(x), Math.round(y)]).find(([x, y]) => {
              const top = document.elementFromPoint(x, y);
              return top && (top === element || element.contains(top));
            }) || null;""", selector)
        if place is None:
            return False
        for x, y in ([1, 1], place):  # a pointer that stays where it was moves nothing
            self.command("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        return True

    def set_slider(self, share):
        """Moves the threshold to a share of its range, as a drag does."""
        self.run("""
            const slider = document.querySelector('#threshold');
            slider.value = Number(slider.min) + arguments[0] * (slider.max - slider.min);
            slider.dispatchEvent(new Event('input', {bubbles: true}));
            slider.dispatchEvent(new Event('change', {bubbles: true}));""", share)
        self.settle()

    def settle(self):
        """Two frames: what a reader's doing leads to is drawn then."""
        self.driver.execute_async_script(
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()));")

    def comes(self, condition):
        """Whether condition() holds within PATIENCE_S."""
        end = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > end:
                return False
            self.settle()
        return True
