"""The page in a browser: it loads alone and fast, sorts, filters, plots, links, fits.

Runs where Chromium and its driver are installed, with the extra `browser`.
"""

import json
import shutil
import time

import pytest

from recall.pages import report

webdriver = pytest.importorskip("selenium.webdriver", reason="needs recall[browser]")
BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="needs chromium and chromedriver"
)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
    *("--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--window-size=1280,900"),
)
EXPLORER = "details[data-rows=recall_capacity]"
LUMA = """
const [r, g, b] = getComputedStyle(arguments[0]).backgroundColor.match(/\\d+/g);
return (Number(r) + Number(g) + Number(b)) / 3;
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """The page of all committed results."""
    return report.write(None, str(tmp_path_factory.mktemp("page") / "report.html"))


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Chromium with an empty profile, which logs what it says and asks for."""
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability(
        "goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"}
    )
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    driver.set_script_timeout(20)
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser, path):
    """The page, freshly loaded at the size of a desk."""
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    browser.get("about:blank")
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get(path.as_uri())
    yield browser
    assert not browser.get_log("browser")


def all_of(browser, selector):
    return browser.find_elements("css selector", selector)


def texts(browser, selector):
    return [element.text for element in all_of(browser, selector)]


def explore(browser, name="recall_capacity"):
    """Opens the rows of an experiment."""
    browser.execute_script("return explore(arguments[0]).then(() => null)", name)


def column(browser, name):
    """The cells of a column of the rows of `recall_capacity`, as numbers."""
    heads = texts(browser, f"{EXPLORER} thead th")
    at = [head.split()[0:1] == [name] for head in heads].index(True) + 1
    return [
        float(x) for x in texts(browser, f"{EXPLORER} tr[data-row] td:nth-child({at})")
    ]


def test_it_loads_within_a_second_and_asks_for_nothing_else(opened, path):
    begun = time.perf_counter()
    opened.get(path.as_uri())
    assert time.perf_counter() - begun < 2
    entry = "return performance.getEntriesByType('navigation')[0].loadEventEnd"
    assert opened.execute_script(entry) < 1000
    said = [
        json.loads(line["message"])["message"] for line in opened.get_log("performance")
    ]
    asked = {
        event["params"]["request"]["url"].split(",")[0]
        for event in said
        if event["method"] == "Network.requestWillBeSent"
    }
    assert {url for url in asked if not url.startswith("data:")} == {path.as_uri()}
    assert path.stat().st_size < 3_000_000


def test_every_figure_has_a_box(opened):
    sizes = opened.execute_script(
        "return [...document.querySelectorAll('figure svg')].map((svg) => "
        "[svg.getBoundingClientRect().width, svg.getBoundingClientRect().height])"
    )
    assert len(sizes) == len(all_of(opened, "section:not(#claims)"))
    assert all(width > 300 and height > 200 for width, height in sizes)


def test_claims_come_first_with_a_verdict_each(opened):
    first = all_of(opened, "section")[0]
    assert first.get_attribute("id") == "claims"
    verdicts = set(texts(opened, "#claims tbody td:nth-child(3)"))
    assert {"holds", "refuted"} <= verdicts
    assert len(texts(opened, "#claims tbody tr")) >= 22


def test_a_table_sorts_by_its_headers_with_the_keyboard_too(opened):
    table = "#recall_capacity .wide:nth-of-type(1) table"
    button = all_of(opened, f"{table} th:nth-child(2) button")[0]
    cells = f"{table} tbody td:nth-child(2)"
    button.send_keys("\n")
    up = [int(text) for text in texts(opened, cells)]
    button.send_keys("\n")
    header = button.find_element("xpath", "..")
    assert header.get_attribute("aria-sort") == "descending"
    down = [int(text) for text in texts(opened, cells)]
    assert up[:16] == sorted(up[:16]) != down[:16] == sorted(down[:16], reverse=True)


def test_rows_sort_filter_and_turn_pages(opened):
    explore(opened)
    assert len(all_of(opened, f"{EXPLORER} tr[data-row]")) == 50
    button = next(
        b for b in all_of(opened, f"{EXPLORER} th button") if b.text[:8] == "capacity"
    )
    button.click()
    assert column(opened, "capacity") == sorted(column(opened, "capacity"))
    field = all_of(opened, f"{EXPLORER} input[type=search]")[0]
    field.send_keys("d=32 capacity>=500")
    kept = column(opened, "capacity")
    assert kept
    assert min(kept) >= 500
    assert set(column(opened, "d")) == {32}
    assert texts(opened, f"{EXPLORER} [role=status]") == [f"{len(kept)} of 80 searches"]
    field.clear()
    field.send_keys("nonsense=1")
    assert "No column nonsense" in texts(opened, f"{EXPLORER} [role=status]")[0]
    field.clear()
    field.send_keys(" ")
    all_of(opened, f"{EXPLORER} .controls:last-of-type button")[-1].click()
    assert len(all_of(opened, f"{EXPLORER} tr[data-row]")) == 30


def test_a_point_leads_to_its_row_and_a_row_to_its_command_and_probes(opened):
    explore(opened)
    opened.execute_script(
        """
        return explore("recall_capacity").then((explorer) => {
          const box = explorer.canvas.getBoundingClientRect();
          const at = explorer.points.find((point) => point.row === 70);
          const where = { clientX: box.left + at.x, clientY: box.top + at.y };
          explorer.canvas.dispatchEvent(new MouseEvent("click", where));
        });
        """
    )
    assert len(all_of(opened, f"{EXPLORER} tr.open")) == 1
    said = texts(opened, f"{EXPLORER} .detail code")[0]
    assert said.startswith(
        "python -m recall.main --config=configs/recall_capacity.py:cpu"
    )
    assert "--config.seeds=" in said
    probes = next(
        b
        for b in all_of(opened, f"{EXPLORER} .detail button")
        if b.text == "its probes"
    )
    probes.click()
    assert texts(opened, f"{EXPLORER} [aria-selected=true]") == ["633 probes"]
    of = set(column(opened, "of"))
    assert len(of) == 1


def test_an_address_opens_a_row(browser, opened, path):
    browser.get(f"{path.as_uri()}#recall_capacity/searches/60")
    explore(browser)
    browser.implicitly_wait(5)
    assert all_of(browser, f"{EXPLORER} tr.open")[0].get_attribute("data-row") == "60"
    browser.implicitly_wait(0)


def test_the_page_fits_a_phone(opened):
    phone = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    explore(opened)
    width = "return [document.documentElement.scrollWidth, window.innerWidth]"
    assert opened.execute_script(width) == [390, 390]


def test_a_dark_page_keeps_a_light_card_under_its_figures(opened):
    light = opened.execute_script(LUMA, all_of(opened, "body")[0])
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    assert opened.execute_script(LUMA, all_of(opened, "body")[0]) < 60 < 200 < light
    assert opened.execute_script(LUMA, all_of(opened, "figure")[0]) > 200
