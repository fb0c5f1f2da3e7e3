#!/usr/bin/env python3
"""A picture of a page as a browser shows it, as PNG. Needs Debian's chromium, chromium-driver and python3-selenium.

Usage: page_picture.py [--size 1360x1000] [--theme light|dark] [--hover NODE] PAGE.html OUT.png
"""
import argparse
import os
import pathlib

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1360x1000")
    parser.add_argument("--theme", choices=["light", "dark"], default="light")
    parser.add_argument("--hover", help="a node that the cursor touches: A3.7")
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("output")
    options = parser.parse_args()
    chrome = webdriver.ChromeOptions()
    chrome.binary_location = "/usr/bin/chromium"
    for argument in ["--headless=new", "--hide-scrollbars", "--disable-gpu"] + (["--no-sandbox"] if os.getuid() == 0 else []):
        chrome.add_argument(argument)
    width, height = (int(side) for side in options.size.split("x"))
    browser = webdriver.Chrome(options=chrome, service=Service("/usr/bin/chromedriver"))
    try:
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        browser.get(options.page.resolve().as_uri())
        while browser.execute_script("return document.documentElement.dataset.theme") != options.theme:
            browser.find_element(By.ID, "theme").click()
        if options.hover:
            node = browser.find_element(By.CSS_SELECTOR, f'[data-node="{options.hover}"]')
            ActionChains(browser).move_to_element(node).perform()
        browser.save_screenshot(options.output)
    finally:
        browser.quit()


if __name__ == "__main__":
    main()
