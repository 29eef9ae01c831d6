"""A Flask application that decides with a Holdfast project: `HOLDFAST_PROJECT=demo flask --app app run`."""

import os

from flask import Flask, request
from flask.typing import ResponseReturnValue

from holdfast.project.embed import open_predictor
from holdfast.serving.embed import NotAnswered

app = Flask(__name__)
predictor = open_predictor(os.environ["HOLDFAST_PROJECT"])


@app.post("/score")
def score() -> ResponseReturnValue:
    return predictor.decide(request.get_data())


@app.errorhandler(NotAnswered)
def refused(error: NotAnswered) -> ResponseReturnValue:
    return error.answer, error.status
