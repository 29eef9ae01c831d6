"""Who earns more than 50,000 dollars: the census of 1994, the data that fairness is usually measured on.

`?` stands for an answer that was not given and is read as missing. `fnlwgt`, the number of people a row stands
for, says nothing of the person and is no feature; it is declared because it tells two people apart who are alike.
"""

from holdfast.contract import Contract, Events, category, days, integer, text, timestamp

WORKCLASSES = (
    "Private", "Self-emp-not-inc", "Self-emp-inc", "Federal-gov", "Local-gov", "State-gov", "Without-pay",
    "Never-worked",
)  # fmt: skip
OCCUPATIONS = (
    "Tech-support", "Craft-repair", "Other-service", "Sales", "Exec-managerial", "Prof-specialty",
    "Handlers-cleaners", "Machine-op-inspct", "Adm-clerical", "Farming-fishing", "Transport-moving",
    "Priv-house-serv", "Protective-serv", "Armed-Forces",
)  # fmt: skip
MARITAL = (
    "Married-civ-spouse", "Divorced", "Never-married", "Separated", "Widowed", "Married-spouse-absent",
    "Married-AF-spouse",
)  # fmt: skip
RACES = ("White", "Asian-Pac-Islander", "Amer-Indian-Eskimo", "Other", "Black")
COUNTRIES = (
    "United-States", "Cambodia", "Canada", "China", "Columbia", "Cuba", "Dominican-Republic", "Ecuador", "El-Salvador",
    "England", "France", "Germany", "Greece", "Guatemala", "Haiti", "Holand-Netherlands", "Honduras", "Hong",
    "Hungary", "India", "Iran", "Ireland", "Italy", "Jamaica", "Japan", "Laos", "Mexico", "Nicaragua",
    "Outlying-US(Guam-USVI-etc)", "Peru", "Philippines", "Poland", "Portugal", "Puerto-Rico", "Scotland", "South",
    "Taiwan", "Thailand", "Trinadad&Tobago", "Vietnam", "Yugoslavia",
)  # fmt: skip

people = Events(
    "people",
    id="id",
    time="decided_at",
    fields={
        "id": text(),
        "decided_at": timestamp(),
        "workclass": category(*WORKCLASSES, nullable=True, placeholders=("?",)),
        "occupation": category(*OCCUPATIONS, nullable=True, placeholders=("?",)),
        "education_years": integer(at_least=1, at_most=16, former=("education-num",)),
        "marital_status": category(*MARITAL, former=("marital-status",)),
        "hours_per_week": integer(at_least=1, at_most=99, former=("hours-per-week",), unit="hours"),
        "capital_gain": integer(at_least=0, former=("capital-gain",), unit="USD"),
        "capital_loss": integer(at_least=0, former=("capital-loss",), unit="USD"),
        "fnlwgt": integer(at_least=0, nullable=True, description="number of people this row stands for"),
        "age": integer(at_least=16, at_most=120, protected=True, unit="years"),
        "sex": category("Female", "Male", protected=True),
        "race": category(*RACES, protected=True),
        "native_country": category(
            *COUNTRIES, nullable=True, placeholders=("?",), protected=True, former=("native-country",)
        ),
    },
)
over_50k = people.label("over_50k", known_after=days(30))

contract = Contract(
    "adult",
    decide_on=people,
    label=over_50k,
    positive="over",
    probability="over_probability",
    features={
        # Sex, race, age and native country stay out, and `relationship` with them: husband and wife tell the sex.
        "workclass": people.workclass,
        "occupation": people.occupation,
        "education_years": people.education_years,
        "marital_status": people.marital_status,
        "hours_per_week": people.hours_per_week,
        "capital_gain": people.capital_gain,
        "capital_loss": people.capital_loss,
        "capital": people.capital_gain - people.capital_loss,
    },
)
