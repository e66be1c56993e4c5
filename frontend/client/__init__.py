"""The OCR service from Python:

    from ocr_client import Client

    with Client("http://127.0.0.1:8000") as client:
        print(client.read("receipt.jpg").text)
        task = client.read_later("book.pdf", text_format="markdown")
        for page in task.results():
            print(page.text)

`pip install ./frontend/client` installs this folder alone, as `ocr_client`, with the command `ocr`. It needs
nothing but requests.
"""

from .reading import Client, Reading, Task
from .session import UnreachableError, UnreadImageError

__all__ = ["Client", "Reading", "Task", "UnreachableError", "UnreadImageError"]
