! kaon.f90: graph building for plugins written in Fortran, as <kaon/graph.h> does it for C.
!
! Graphs and nodes are type(c_ptr). Errors are sticky: the first refusal is kept, later calls return
! and accept c_null_ptr, and the kernel asks once at the end; so graph code is mathematics, not error
! handling. The derived types mirror the C structs; layout_test.c compares them.
module kaon
    use, intrinsic :: iso_c_binding
    implicit none
    private

    public :: kaon_op, kaon_rank, kaon_dim, kaon_dtype, kaon_training, kaon_shape_text, kaon_refuse
    public :: kaon_scalar, kaon_scale, kaon_shift, kaon_param, kaon_sum, kaon_cast, kaon_reshape
    public :: kaon_attr, kaon_variable, kaon_view, kaon_graph_api, kaon_apply

    ! ORDER status, as in <kaon/base.h>
    integer(c_int32_t), parameter, public :: KAON_OK = 0, KAON_INVALID = 1, KAON_NOT_FOUND = 2, &
        KAON_UNSUPPORTED = 3, KAON_NO_MEMORY = 4, KAON_IO = 5, KAON_CORRUPT = 6

    ! ORDER dtype, as in <kaon/base.h>
    integer(c_int32_t), parameter, public :: KAON_F32 = 0, KAON_F64 = 1, KAON_F16 = 2, KAON_BF16 = 3, &
        KAON_I32 = 6, KAON_I64 = 7, KAON_BOOL = 12

    ! How a parameter starts, as in <kaon/graph.h>
    integer(c_int32_t), parameter, public :: KAON_INIT_ZERO = 0, KAON_INIT_ONE = 1, &
        KAON_INIT_NORMAL = 3, KAON_INIT_UNIFORM = 4, KAON_INIT_GLOROT = 5, KAON_INIT_HE = 7

    integer(c_int32_t), parameter :: attr_int = 1, attr_ints = 3, device_cpu = 1, trainable = 1

    type, bind(c) :: kaon_attr
        integer(c_int32_t) :: size, kind
        type(c_ptr) :: name
        integer(c_int64_t) :: integer
        real(c_double) :: number
        integer(c_int64_t) :: count
        type(c_ptr) :: at
        type(c_ptr) :: text
    end type

    type, bind(c) :: kaon_variable
        integer(c_int32_t) :: size, dtype
        type(c_ptr) :: name
        integer(c_int32_t) :: rank, init
        type(c_ptr) :: shape
        real(c_double) :: scale
        integer(c_int32_t) :: flags, fan_axis
    end type

    type, bind(c) :: kaon_view
        integer(c_int32_t) :: size, dtype, device_type, device_id, rank, flags
        type(c_ptr) :: data, shape, strides
    end type

    type, bind(c) :: kaon_graph_api
        integer(c_int32_t) :: size, reserved
        type(c_funptr) :: apply, output, constant, input, variable, update, enter, leave, through, &
            scan, cond, gradient, tangent, params, name, rank, dim, dtype, shape_text, float_type, &
            training, refuse, check
    end type

    type, bind(c) :: graph_head
        type(c_ptr) :: api
    end type

    abstract interface
        type(c_ptr) function apply_call(g, op, input_count, inputs, attr_count, attrs) bind(c)
            import
            type(c_ptr), value :: g, op, inputs, attrs
            integer(c_int32_t), value :: input_count, attr_count
        end function
        type(c_ptr) function pointer_call(g, what) bind(c)
            import
            type(c_ptr), value :: g, what
        end function
        type(c_ptr) function refuse_call(g, status, text) bind(c)
            import
            type(c_ptr), value :: g, text
            integer(c_int32_t), value :: status
        end function
        type(c_ptr) function text_call(node) bind(c)
            import
            type(c_ptr), value :: node
        end function
        integer(c_int32_t) function int_call(node) bind(c)
            import
            type(c_ptr), value :: node
        end function
        integer(c_int64_t) function dim_call(node, axis) bind(c)
            import
            type(c_ptr), value :: node
            integer(c_int32_t), value :: axis
        end function
    end interface

    interface
        integer(c_size_t) function strlen(text) bind(c)
            import
            type(c_ptr), value :: text
        end function
    end interface

    ! kaon_op(g, 'exp', a), kaon_op(g, 'mul', a, b), kaon_op(g, 'select', c, a, b): an operation by
    ! its name. Shapes broadcast as in NumPy; types must agree.
    interface kaon_op
        module procedure op1, op2, op3
    end interface

contains

    function table(g) result(api)
        type(c_ptr), intent(in) :: g
        type(kaon_graph_api), pointer :: api
        type(graph_head), pointer :: head
        call c_f_pointer(g, head)
        call c_f_pointer(head%api, api)
    end function

    ! Any operation on any number of inputs, with settings.
    type(c_ptr) function kaon_apply(g, op, inputs, attrs) result(out)
        type(c_ptr), intent(in) :: g
        character(*), intent(in) :: op
        type(c_ptr), intent(in), target :: inputs(:)
        type(kaon_attr), intent(in), target, optional :: attrs(:)
        character(kind=c_char, len=:), allocatable, target :: name
        type(c_ptr), target :: nodes(size(inputs))
        type(kaon_attr), allocatable, target :: settings(:)
        procedure(apply_call), pointer :: call_apply
        type(kaon_graph_api), pointer :: api

        api => table(g)
        call c_f_procpointer(api%apply, call_apply)
        name = op // c_null_char
        nodes = inputs
        allocate (settings(0))
        if (present(attrs)) settings = attrs
        out = call_apply(g, c_loc(name), size(nodes, kind=c_int32_t), c_loc(nodes), &
            size(settings, kind=c_int32_t), c_loc(settings))
    end function

    type(c_ptr) function op1(g, op, a)
        type(c_ptr), intent(in) :: g, a
        character(*), intent(in) :: op
        op1 = kaon_apply(g, op, [a])
    end function

    type(c_ptr) function op2(g, op, a, b)
        type(c_ptr), intent(in) :: g, a, b
        character(*), intent(in) :: op
        op2 = kaon_apply(g, op, [a, b])
    end function

    type(c_ptr) function op3(g, op, a, b, c)
        type(c_ptr), intent(in) :: g, a, b, c
        character(*), intent(in) :: op
        op3 = kaon_apply(g, op, [a, b, c])
    end function

    ! Number of axes; 0 for what was refused.
    integer(c_int32_t) function kaon_rank(g, node) result(rank)
        type(c_ptr), intent(in) :: g, node
        procedure(int_call), pointer :: call_rank
        type(kaon_graph_api), pointer :: api
        rank = 0
        if (.not. c_associated(node)) return
        api => table(g)
        call c_f_procpointer(api%rank, call_rank)
        rank = call_rank(node)
    end function

    ! Size along an axis, counted from 0; negative axes count from the end.
    integer(c_int64_t) function kaon_dim(g, node, axis) result(dim)
        type(c_ptr), intent(in) :: g, node
        integer, intent(in) :: axis
        procedure(dim_call), pointer :: call_dim
        type(kaon_graph_api), pointer :: api
        dim = 0
        if (.not. c_associated(node)) return
        api => table(g)
        call c_f_procpointer(api%dim, call_dim)
        dim = call_dim(node, int(axis, c_int32_t))
    end function

    integer(c_int32_t) function kaon_dtype(g, node) result(dtype)
        type(c_ptr), intent(in) :: g, node
        procedure(int_call), pointer :: call_dtype
        type(kaon_graph_api), pointer :: api
        dtype = KAON_F32
        if (.not. c_associated(node)) return
        api => table(g)
        call c_f_procpointer(api%dtype, call_dtype)
        dtype = call_dtype(node)
    end function

    ! The type of parameters and plain constants.
    integer(c_int32_t) function float_type(g)
        type(c_ptr), intent(in) :: g
        procedure(int_call), pointer :: call_float_type
        type(kaon_graph_api), pointer :: api
        api => table(g)
        call c_f_procpointer(api%float_type, call_float_type)
        float_type = call_float_type(g)
    end function

    ! Whether this graph is built for training: dropout drops, statistics update.
    logical function kaon_training(g) result(training)
        type(c_ptr), intent(in) :: g
        procedure(int_call), pointer :: call_training
        type(kaon_graph_api), pointer :: api
        api => table(g)
        call c_f_procpointer(api%training, call_training)
        training = call_training(g) /= 0
    end function

    ! "(64, 3)"
    function kaon_shape_text(g, node) result(text)
        type(c_ptr), intent(in) :: g, node
        character(:), allocatable :: text
        procedure(text_call), pointer :: call_shape_text
        type(kaon_graph_api), pointer :: api
        character(kind=c_char), pointer :: letters(:)
        type(c_ptr) :: words
        integer :: i
        text = 'nothing'
        if (.not. c_associated(node)) return
        api => table(g)
        call c_f_procpointer(api%shape_text, call_shape_text)
        words = call_shape_text(node)
        call c_f_pointer(words, letters, [strlen(words)])
        text = repeat(' ', size(letters))
        do i = 1, size(letters)
            text(i:i) = letters(i)
        end do
    end function

    ! Keeps the first refusal; its words state the thing, what was found, what is allowed.
    type(c_ptr) function kaon_refuse(g, status, words) result(none)
        type(c_ptr), intent(in) :: g
        integer(c_int32_t), intent(in) :: status
        character(*), intent(in) :: words
        character(kind=c_char, len=:), allocatable, target :: text
        procedure(refuse_call), pointer :: call_refuse
        type(kaon_graph_api), pointer :: api
        api => table(g)
        call c_f_procpointer(api%refuse, call_refuse)
        text = words // c_null_char
        none = call_refuse(g, status, c_loc(text))
    end function

    type(c_ptr) function kaon_cast(g, a, dtype) result(out)
        type(c_ptr), intent(in) :: g, a
        integer(c_int32_t), intent(in) :: dtype
        character(kind=c_char, len=6), target :: name
        type(kaon_attr) :: to
        name = 'dtype' // c_null_char
        to = kaon_attr(c_sizeof(to), attr_int, c_loc(name), dtype, 0, 0, c_null_ptr, c_null_ptr)
        out = kaon_apply(g, 'cast', [a], [to])
    end function

    ! A constant without axes, of type `dtype`.
    type(c_ptr) function scalar_as(g, value, dtype) result(out)
        type(c_ptr), intent(in) :: g
        real(c_double), intent(in) :: value
        integer(c_int32_t), intent(in) :: dtype
        real(c_double), target :: number
        type(kaon_view), target :: view
        procedure(pointer_call), pointer :: call_constant
        type(kaon_graph_api), pointer :: api
        api => table(g)
        call c_f_procpointer(api%constant, call_constant)
        number = value
        view = kaon_view(c_sizeof(view), KAON_F64, device_cpu, 0, 0, 0, c_loc(number), c_null_ptr, c_null_ptr)
        out = call_constant(g, c_loc(view))
        if (dtype /= KAON_F64) out = kaon_cast(g, out, dtype)
    end function

    ! A constant without axes, of the graph's float type.
    type(c_ptr) function kaon_scalar(g, value) result(out)
        type(c_ptr), intent(in) :: g
        real(c_double), intent(in) :: value
        out = scalar_as(g, value, float_type(g))
    end function

    ! a * factor
    type(c_ptr) function kaon_scale(g, a, factor) result(out)
        type(c_ptr), intent(in) :: g, a
        real(c_double), intent(in) :: factor
        out = op2(g, 'mul', a, scalar_as(g, factor, kaon_dtype(g, a)))
    end function

    ! a + offset
    type(c_ptr) function kaon_shift(g, a, offset) result(out)
        type(c_ptr), intent(in) :: g, a
        real(c_double), intent(in) :: offset
        out = op2(g, 'add', a, scalar_as(g, offset, kaon_dtype(g, a)))
    end function

    ! A trainable parameter of the graph's float type.
    type(c_ptr) function kaon_param(g, name, shape, init) result(out)
        type(c_ptr), intent(in) :: g
        character(*), intent(in) :: name
        integer(c_int64_t), intent(in) :: shape(:)
        integer(c_int32_t), intent(in) :: init
        character(kind=c_char, len=:), allocatable, target :: text
        integer(c_int64_t), target :: dims(size(shape))
        type(kaon_variable), target :: v
        procedure(pointer_call), pointer :: call_variable
        type(kaon_graph_api), pointer :: api
        api => table(g)
        call c_f_procpointer(api%variable, call_variable)
        text = name // c_null_char
        dims = shape
        v = kaon_variable(c_sizeof(v), -1, c_loc(text), size(dims), init, c_loc(dims), 1, trainable, 0)
        out = call_variable(g, c_loc(v))
    end function

    ! Sum over one axis, which disappears.
    type(c_ptr) function kaon_sum(g, a, axis) result(out)
        type(c_ptr), intent(in) :: g, a
        integer, intent(in) :: axis
        integer(c_int64_t) :: axes(1)
        axes = axis
        out = with_list(g, 'reduce_sum', a, 'axes', axes)
    end function

    type(c_ptr) function kaon_reshape(g, a, shape) result(out)
        type(c_ptr), intent(in) :: g, a
        integer(c_int64_t), intent(in) :: shape(:)
        out = with_list(g, 'reshape', a, 'shape', shape)
    end function

    ! An operation with one setting that is a list of numbers.
    type(c_ptr) function with_list(g, op, a, setting, list) result(out)
        type(c_ptr), intent(in) :: g, a
        character(*), intent(in) :: op, setting
        integer(c_int64_t), intent(in) :: list(:)
        character(kind=c_char, len=:), allocatable, target :: name
        integer(c_int64_t), target :: numbers(size(list))
        type(kaon_attr) :: attr
        name = setting // c_null_char
        numbers = list
        attr = kaon_attr(c_sizeof(attr), attr_ints, c_loc(name), 0, 0, size(numbers), c_loc(numbers), c_null_ptr)
        out = kaon_apply(g, op, [a], [attr])
    end function

end module
