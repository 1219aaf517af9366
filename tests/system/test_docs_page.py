"""The page of the API works in a browser that reaches nothing but this machine."""

import json
from collections.abc import Callable

from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from tests.system.running import Server


def requested(browser: WebDriver) -> list[str]:
    """Addresses of all requests since the last call, `data:` and the like left out."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    return [url for url in urls if url.startswith(("http:", "https:", "ws:", "wss:"))]


def test_docs_page_shows_the_operations_offline(serve: Callable[..., Server], browser: WebDriver) -> None:
    server = serve()
    browser.get(f"{server.url}/docs")
    paths = WebDriverWait(browser, 20).until(
        lambda page: [element.text for element in page.find_elements(By.CSS_SELECTOR, ".opblock-summary-path")]
    )
    shown = {path.replace("\u200b", "") for path in paths}
    assert {"/v1/evaluations", "/v1/evaluations/batch", "/v1/rulesets", "/v1/facts"} <= shown
    addresses = requested(browser)
    assert addresses
    assert not [address for address in addresses if not address.startswith(server.url + "/")]
    assert not [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
