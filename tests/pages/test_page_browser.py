"""The page in a browser: it loads alone and fast, sorts, fits.

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


def test_the_page_fits_a_phone(opened):
    phone = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    width = "return [document.documentElement.scrollWidth, window.innerWidth]"
    assert opened.execute_script(width) == [390, 390]


def test_a_dark_page_keeps_a_light_card_under_its_figures(opened):
    light = opened.execute_script(LUMA, all_of(opened, "body")[0])
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    assert opened.execute_script(LUMA, all_of(opened, "body")[0]) < 60 < 200 < light
    assert opened.execute_script(LUMA, all_of(opened, "figure")[0]) > 200
