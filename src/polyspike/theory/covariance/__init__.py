"""Inputs with a general covariance: the finite-size theory for ``x ~ N(0, Sigma)`` (docs/theory-inputs.md).

What can be is taken from the isotropic theory: grids, averages, label, factors, the start of the fixed point.

===== ==================================== =====================================================================
1     eigenvalues of Sigma                 ``eigenvalues``, ``discrete_rule``
2     the step                             ``step`` (eq-frame-measures, eq-weight-variance)
2     several indices                      ``seen`` (eq-seen)
3     the law of the residual              ``residuals``, ``gradient_sample`` (eq-inputs-sample)
4     the gradient's samples as a layer    ``layer`` (eq-layer, eq-effective), ``model``, ``state``
5     linear features along b and beta*    ``linear_directions`` (eq-known-directions)
6     the form and the errors              ``errors`` (eq-covariance-value, eq-inputs-test), ``solution``
6     how the bulk is solved               ``jacobian`` (eq-full-jacobian), ``fixed_point`` (eq-tangent)
6     half of the grid                     ``odd_activations``
10    preconditioned steps                 ``preconditioned`` (eq-effective-ridge, eq-preconditioned)
7     finite dimension                     ``pairs`` (eq-quadratic-pairs), ``norm_response``, ``products``, ``features``
7     the label by components              ``labels``
8     the spectrum                         ``spectrum``, ``layer_spectrum``, ``pair_spectrum`` (eq-quadratic-bulk)
===== ==================================== =====================================================================

``predict`` makes predictions of them, ``trust`` and ``spectrum_trust`` say what these are worth, ``derivatives`` and
``ensemble`` serve the derivatives and the search for optima.
"""
