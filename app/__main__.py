"""`python -m app` is `safelight`."""

from app.cli import main

if __name__ == "__main__":
    main(prog_name="safelight")
